"""Batches of the handler, against image by image."""

import itertools

import pytest

from fidelity.batches import eight_images, measure
from fidelity.photographs import photographs
from fidelity.zoo import zoo_configs
from tests.fidelity.test_zoo_spread import NARROW

FOUR = type(NARROW)(**{**vars(NARROW), "photographs": 4})


def test_eight_images_of_equal_and_of_mixed_shapes(tmp_path):
    images = eight_images(photographs(tmp_path))
    assert [len(of_kind) for of_kind in images.values()] == [8, 8]
    assert len({image.shape for image in images["equal"]}) == 1
    mixed = [image.shape for image in images["mixed"]]
    assert len(set(mixed)) == 4
    assert all(one != other for one, other in itertools.pairwise(mixed))


@pytest.mark.parametrize(
    "name", ["COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.yaml", "Misc/semantic_R_50_FPN_1x"]
)
def test_unequal_padded_shapes_are_never_stacked(name):
    (config,) = zoo_configs([name])
    rows = {(row.shapes, row.size): row for row in measure(config, FOUR)}
    assert [row.as_dict()["problem"] for row in rows.values()] == [""] * 4
    assert rows["equal", 2].passes == (2, 2, 2, 2)
    assert rows["equal", 8].passes == (8,)
    assert sum(rows["mixed", 8].passes) == 8
    assert 1 < len(rows["mixed", 8].passes) < 8
    assert not any(row.stacked_unequal for row in rows.values())


def test_a_config_that_fails_is_a_row(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("MODEL:\n  META_ARCHITECTURE: Nothing\n")
    (config,) = zoo_configs(["rpn_R_50_FPN_1x"])
    (row,) = measure(type(config)("A/broken.yaml", broken), NARROW)
    assert row.as_dict()["problem"].startswith("failed: ")
