import numpy as np
import pytest

from handler.cropped_masks import Crop, CroppedMasks
from handler.masks import masks_to_rle
from tests.handler import test_masks


def drawn(size_hw, *boxes_xyxy):
    mask = np.zeros(size_hw, np.bool_)
    for x0, y0, x1, y1 in boxes_xyxy:
        mask[y0:y1, x0:x1] = True
    return mask


MASKS = {
    "nothing": drawn((6, 8)),
    "everything": drawn((6, 8), (0, 0, 8, 6)),
    "one pixel": drawn((6, 8), (7, 5, 8, 6)),
    "two pieces": drawn((6, 8), (1, 1, 2, 3), (5, 0, 7, 1)),
    "an image of one pixel": drawn((1, 1), (0, 0, 1, 1)),
    "none of one pixel": drawn((1, 1)),
}


@pytest.mark.parametrize("case", MASKS)
def test_a_crop_is_painted_back_as_it_was(case):
    mask = MASKS[case]
    (painted,) = CroppedMasks((Crop.of(mask),), mask.shape)
    np.testing.assert_array_equal(painted, mask)


@pytest.mark.parametrize("case", MASKS)
def test_a_crop_is_as_small_as_can_be_and_holds_on_to_nothing(case):
    pixels = Crop.of(MASKS[case]).pixels
    assert pixels.base is None
    assert pixels.size == 0 or (pixels.any(axis=0)[[0, -1]].all() and pixels.any(axis=1).any())


@pytest.mark.parametrize("mask", test_masks.MASKS.values(), ids=test_masks.MASKS)
def test_a_crop_is_encoded_as_the_mask_is(mask):
    cropped = CroppedMasks((Crop.of(mask),) * 2, mask.shape)
    assert masks_to_rle(cropped) == masks_to_rle([mask] * 2)


def test_a_crop_lies_where_its_mask_does():
    crop = Crop.of(drawn((6, 8), (2, 3, 5, 4)), top=100, left=10)
    assert crop.box_xyxy == (12, 103, 15, 104)


@pytest.mark.parametrize(
    ("box_xyxy", "shape"),
    [
        pytest.param((0, 0, 100, 100), (2, 4), id="all of it"),
        pytest.param((12, 0, 100, 100), (2, 2), id="the right half"),
        pytest.param((0, 21, 100, 22), (1, 4), id="the lower half"),
        pytest.param((11, 20, 12, 21), (1, 1), id="one pixel"),
        pytest.param((0, 0, 10, 20), (0, 0), id="nothing, it ends before"),
        pytest.param((14, 22, 30, 30), (0, 0), id="nothing, it begins after"),
        pytest.param((30, 30, 5, 5), (0, 0), id="a box without area"),
    ],
)
def test_what_lies_within_a_box(box_xyxy, shape):
    crop = Crop(20, 10, np.ones((2, 4), np.bool_))
    assert crop.within(box_xyxy).shape == shape


def test_reads_as_an_array_does():
    masks = [drawn((6, 8), (x, 0, x + 1, 6)) for x in range(4)]
    cropped = CroppedMasks(tuple(Crop.of(mask) for mask in masks), (6, 8))
    array = np.stack(masks)
    assert len(cropped) == 4
    for rows in (np.array([3, 1]), np.zeros(0, np.int64), slice(1, 3), array[:, 0, 2]):
        expected = array[rows]
        assert len(cropped[rows]) == len(expected)
        for mask, other in zip(cropped[rows], expected, strict=True):
            np.testing.assert_array_equal(mask, other)
    np.testing.assert_array_equal(cropped[2], array[2])
    np.testing.assert_array_equal(cropped[np.int64(-1)], array[-1])
