import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from handler.masks import Rle, masks_to_rle

RANDOM = np.random.default_rng(0)


def by_pycocotools(mask: np.ndarray) -> str:
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")


def mask_to_rle(mask: np.ndarray) -> Rle:
    (rle,) = masks_to_rle([mask])
    return rle


def disc(height: int, width: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - height * 0.4, x - width * 0.7) < radius


MASKS = {
    "empty": np.zeros((3, 5), bool),
    "full": np.ones((3, 5), bool),
    "one pixel": np.ones((1, 1), bool),
    "one empty pixel": np.zeros((1, 1), bool),
    "first pixel": np.eye(1, 12, 0, dtype=bool).reshape(3, 4),
    "last pixel": np.eye(1, 12, 11, dtype=bool).reshape(3, 4),
    "noise": RANDOM.random((37, 53)) > 0.5,
    "nearly full": RANDOM.random((37, 53)) > 0.02,
    "nearly empty": RANDOM.random((370, 530)) > 0.9999,
    "one row": RANDOM.random((1, 53)) > 0.5,
    "one column": RANDOM.random((53, 1)) > 0.5,
    "not contiguous": (RANDOM.random((37, 53)) > 0.5)[::2, ::3],
    "columns that touch": np.ones((4, 6), bool) & (np.arange(6) % 3 != 2),
    "a disc": disc(303, 384, 40),
    "a disc beyond the edges": disc(90, 120, 80),
    "a large image": disc(4000, 3000, 900),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_gives_the_bytes_of_pycocotools(mask):
    rle = mask_to_rle(mask)
    assert rle == {"size": list(mask.shape), "counts": by_pycocotools(mask)}
    np.testing.assert_array_equal(coco_mask.decode(rle), mask)


def test_masks_of_any_sizes_together():
    rles = masks_to_rle(MASKS.values())
    assert rles == [mask_to_rle(mask) for mask in MASKS.values()]
    assert masks_to_rle(np.zeros((0, 3, 5), bool)) == []
    assert masks_to_rle(np.stack([MASKS["noise"]] * 2)) == [mask_to_rle(MASKS["noise"])] * 2


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_gives_the_bytes_of_pycocotools_for_anything(mask):
    assert mask_to_rle(mask)["counts"] == by_pycocotools(mask)
