import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handler.masks import mask_to_rle

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(np.zeros((3, 5), bool), id="empty"),
        pytest.param(np.ones((3, 5), bool), id="full"),
        pytest.param(np.ones((1, 1), bool), id="one pixel"),
        pytest.param(RANDOM.random((37, 53)) > 0.5, id="noise"),
        pytest.param((RANDOM.random((37, 53)) > 0.5)[::2, ::3], id="not contiguous"),
    ],
)
def test_decodes_to_the_same_pixels(mask):
    rle = mask_to_rle(mask)
    assert rle["size"] == list(mask.shape)
    np.testing.assert_array_equal(coco_mask.decode(rle), mask)
