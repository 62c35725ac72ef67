import numpy as np
import pytest
import torch

from handler import run_masks
from handler.masks import masks_to_rle
from handler.run_masks import RunMasks
from tests.handler.test_masks import MASKS


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_gives_back_the_mask_and_its_bytes(mask):
    masks = RunMasks.of(torch.from_numpy(mask.copy())[None])
    np.testing.assert_array_equal(masks[0], mask)
    assert masks_to_rle(masks) == masks_to_rle([mask])


@pytest.mark.parametrize("number", [0, 1, 7])
@pytest.mark.parametrize("bytes_at_once", [1, 2 * 37 * 53, 2**28])
def test_many_masks(number, bytes_at_once, monkeypatch):
    monkeypatch.setattr(run_masks, "_BYTES_AT_ONCE", bytes_at_once)
    arrays = np.random.default_rng(0).random((number, 37, 53)) > 0.3
    arrays[2:3], arrays[3:4] = True, False
    masks = RunMasks.of(torch.from_numpy(arrays))
    assert len(masks) == number
    np.testing.assert_array_equal(list(masks), list(arrays))
    assert masks_to_rle(masks) == masks_to_rle(arrays)
    chosen = np.arange(number)[::-2]
    np.testing.assert_array_equal(list(masks[chosen]), list(arrays[chosen]))
    assert len(masks[:1]) == min(number, 1)
