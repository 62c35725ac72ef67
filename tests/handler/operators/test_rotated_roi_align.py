import math

import numpy as np
import pytest
import torch
from detectron2.layers import ROIAlignRotated
from torchvision.ops import roi_align

from handler.operators import install_missing, rotated_roi_align
from handler.operators.rotated_roi_align import roi_align_rotated_forward

FEATURES = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 11, 14)))
SCALE = 0.25


def by_loops(features, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio):
    """The definition, one sample after another, in float64."""
    pooled = np.zeros((len(rois), features.shape[1], pooled_height, pooled_width))
    for r, (image, *box, degrees) in enumerate(rois.tolist()):
        x, y, w, h = (side * spatial_scale for side in box)
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        rows = sampling_ratio or math.ceil(h / pooled_height)
        columns = sampling_ratio or math.ceil(w / pooled_width)
        for i in range(pooled_height):
            for j in range(pooled_width):
                for k in range(rows):
                    for n in range(columns):
                        v = ((i + (k + 0.5) / rows) / pooled_height - 0.5) * h
                        u = ((j + (n + 0.5) / columns) / pooled_width - 0.5) * w
                        at = (y - 0.5 + v * cos - u * sin, x - 0.5 + v * sin + u * cos)
                        pooled[r, :, i, j] += interpolated(features[int(image)].numpy(), *at)
                pooled[r, :, i, j] /= max(rows * columns, 1)
    return torch.from_numpy(pooled)


def interpolated(image, y, x):
    channels, height, width = image.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(channels)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = image[:, top, left] * (left + 1 - x) + image[:, top, right] * (x - left)
    lower = image[:, bottom, left] * (left + 1 - x) + image[:, bottom, right] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def some_rois(count=30):
    """(R, 6): most of them inside an image of 56 x 44 pixels, some across its border or beyond."""
    generator = np.random.default_rng(1)
    return torch.from_numpy(
        np.column_stack(
            [
                generator.integers(0, 2, count),
                generator.uniform(-10, 66, count),
                generator.uniform(-10, 54, count),
                generator.uniform(0, 60, (count, 2)),
                generator.uniform(-360, 360, count),
            ]
        )
    )


ROIS = [
    pytest.param(some_rois(), id="anywhere"),
    pytest.param([(1, 28, 22, 20, 12, angle) for angle in range(-180, 181, 45)], id="turning"),
    pytest.param([(0, 20, 20, 0, 8, 30), (0, 20, 20, 8, 0, 30), (0, 9, 9, 0, 0, 0)], id="no size"),
    pytest.param([(0, 28, 22, 0.01, 0.01, 10)], id="smaller than a sample"),
    pytest.param([(1, 28, 22, 500, 400, 20)], id="larger than the image"),
    pytest.param([(1, 500, -300, 20, 20, 20)], id="beyond the image"),
]


@pytest.mark.parametrize("rois", ROIS)
@pytest.mark.parametrize("sampling_ratio", [0, 1, 2])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
def test_against_loops(rois, sampling_ratio, dtype, tolerance):
    rois = torch.as_tensor(rois).to(dtype)
    settings = (SCALE, 3, 4, sampling_ratio)
    found = roi_align_rotated_forward(FEATURES.to(dtype), rois, *settings)
    assert found.dtype == dtype
    expected = by_loops(FEATURES.to(dtype).double(), rois, *settings)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sampling_ratio", [0, 1, 2, 3])
def test_upright_against_torchvision(sampling_ratio):
    # On a grid of a quarter of a pixel, so that corners and centres are equally exact.
    rois = (some_rois() * 4).round().float() / 4
    rois[:, 0], rois[:, 5] = torch.arange(len(rois)) % 2, 0
    x0_y0, x1_y1 = rois[:, 1:3] - rois[:, 3:5] / 2, rois[:, 1:3] + rois[:, 3:5] / 2
    upright = torch.cat([rois[:, :1], x0_y0, x1_y1], dim=1)
    expected = roi_align(FEATURES.float(), upright, (7, 5), SCALE, sampling_ratio, aligned=True)
    found = roi_align_rotated_forward(FEATURES.float(), rois, SCALE, 7, 5, sampling_ratio)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_quarter_turn_turns_the_bins():
    upright = torch.tensor([[0, 28, 22, 20, 20, 0.0]])
    turned = torch.tensor([[0, 28, 22, 20, 20, 90.0]])
    expected = roi_align_rotated_forward(FEATURES, upright, SCALE, 4, 4, 2).rot90(-1, (2, 3))
    found = roi_align_rotated_forward(FEATURES, turned, SCALE, 4, 4, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("at_once", [1, 50, 1000])
def test_one_portion_of_memory_or_many(at_once, monkeypatch):
    expected = roi_align_rotated_forward(FEATURES, some_rois(), SCALE, 3, 4, 0)
    monkeypatch.setattr(rotated_roi_align, "_SAMPLES_AT_ONCE", at_once)
    found = roi_align_rotated_forward(FEATURES, some_rois(), SCALE, 3, 4, 0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_no_region_minds_the_others():
    features, rois = FEATURES.float(), some_rois().float()
    together = roi_align_rotated_forward(features, rois, SCALE, 3, 4, 0)
    alone = [roi_align_rotated_forward(features, roi[None], SCALE, 3, 4, 0) for roi in rois]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_every_number_of_regions_in_every_precision_through_detectron2(dtype, count):
    install_missing()
    features = FEATURES.to(dtype)
    rois = some_rois(count).float() if dtype == torch.bfloat16 else some_rois(count).to(dtype)
    pooled = ROIAlignRotated((2, 3), SCALE, 2)(features, rois)
    assert pooled.shape == (count, 3, 2, 3)
    assert pooled.dtype == dtype
    expected = by_loops(features.double(), rois.double(), SCALE, 2, 3, 2)
    torch.testing.assert_close(
        pooled.double(), expected, rtol=0, atol=4 * torch.finfo(dtype).eps + 1e-6
    )


@pytest.mark.parametrize("size", [-1.0, math.nan, math.inf])
def test_sizes_that_are_none(size):
    rois = torch.tensor([[0, 20, 20, 8, size, 0]])
    with pytest.raises(ValueError, match="negative or not finite"):
        roi_align_rotated_forward(FEATURES, rois, SCALE, 3, 4, 0)


@pytest.mark.parametrize("place", [math.nan, math.inf])
def test_nowhere_is_zero(place):
    rois = torch.tensor([[0, place, 20, 8, 8, 0]])
    found = roi_align_rotated_forward(FEATURES, rois, SCALE, 3, 4, 0)
    torch.testing.assert_close(found, torch.zeros_like(found))
