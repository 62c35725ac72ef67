import pytest

from torture.batches import read_batch_sizes
from torture.errors import TortureError

# As TorchServe writes it, with one batch of 1, two of 3 and four of 4.
PAGE = """\
# HELP detectron2_batch_fill_ratio Torchserve prometheus histogram metric with unit: ratio
# TYPE detectron2_batch_fill_ratio histogram
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="0.1",} 0.0
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="0.25",} 1.0
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="0.5",} 1.0
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="0.75",} 3.0
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="1.0",} 7.0
detectron2_batch_fill_ratio_bucket{model_name="coins",model_version="1.0",le="+Inf",} 7.0
detectron2_batch_fill_ratio_count{model_name="coins",model_version="1.0",} 7.0
detectron2_batch_fill_ratio_sum{model_name="coins",model_version="1.0",} 5.75
"""
OF_TWO_VERSIONS = PAGE + PAGE.replace('"1.0",le', '"2.0",le')


@pytest.mark.parametrize(
    ("page", "model", "most", "sizes"),
    [
        pytest.param(PAGE, "coins", 4, {1: 1, 2: 0, 3: 2, 4: 4}, id="of four"),
        pytest.param(PAGE, "coins", 1, {1: 7}, id="of one"),
        pytest.param(OF_TWO_VERSIONS, "coins", 4, {1: 2, 2: 0, 3: 4, 4: 8}, id="two versions"),
        pytest.param(PAGE, "pets", 4, {1: 0, 2: 0, 3: 0, 4: 0}, id="none of that model"),
    ],
)
def test_counts_batches_of_each_size(page, model, most, sizes):
    assert read_batch_sizes(page, model, most=most) == sizes


def test_a_server_that_does_not_measure_it():
    with pytest.raises(TortureError, match="have no detectron2_batch_fill_ratio"):
        read_batch_sizes("# TYPE another counter\n", "coins", most=4)
