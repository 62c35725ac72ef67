import pytest
from detectron2.config import get_cfg

from benchmarks.comparison import compare
from benchmarks.material import material
from benchmarks.models import coins, threshold_for, wide
from benchmarks.reference import references
from export.zoo import CONFIGS


@pytest.fixture(scope="module")
def photograph():
    return material()[0]


def test_the_wide_model_finds_the_same_coins(tmp_path, photograph):
    narrow = coins(tmp_path, [], full_size=False).predictor("cpu")
    (expected,) = references(narrow, [photograph], threads=1)
    (found,) = references(
        wide(tmp_path, [], full_size=False).predictor("cpu"), [photograph], threads=1
    )
    one = compare(found, expected).matching
    assert len(found) == one.expected == 24
    assert one.unpaired == 0
    assert one.largest_score < 1e-4
    assert one.largest_box_px < 0.01
    assert one.least_mask_iou > 0.99


def test_the_wide_model_has_the_widths_of_the_zoo(tmp_path):
    ours, zoo = get_cfg(), get_cfg()
    ours.merge_from_file(str(wide(tmp_path, [], full_size=False).config_file))
    zoo.merge_from_file(str(CONFIGS / "COCO-InstanceSegmentation" / "mask_rcnn_R_50_FPN_3x.yaml"))
    for node, names in (
        ("RESNETS", ("DEPTH", "STEM_OUT_CHANNELS", "WIDTH_PER_GROUP", "RES2_OUT_CHANNELS")),
        ("FPN", ("OUT_CHANNELS",)),
        ("ROI_BOX_HEAD", ("NUM_FC", "FC_DIM")),
        ("ROI_MASK_HEAD", ("CONV_DIM",)),
    ):
        for name in names:
            assert ours.MODEL[node][name] == zoo.MODEL[node][name], name


def test_a_threshold_leaves_16_objects_an_image():
    scores = [[k / 100 for k in range(100)], [k / 100 + 0.001 for k in range(100)]]
    threshold = threshold_for(scores)
    assert sum(score > threshold for one in scores for score in one) == 32


def test_more_than_40_objects_of_an_image_do_not_count():
    few = [k / 1000 for k in range(100)]
    assert threshold_for([[0.9] * 100, few, few]) < 0.1
