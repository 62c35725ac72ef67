"""Average features under rotated regions of interest.

Each region is a grid of bins, each bin a grid of samples, each sample interpolated between four
pixels. A bin is so a weighted sum of pixels, which `embedding_bag` computes without gathering them.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

_SAMPLES_AT_ONCE = 2**18
"""Some 550 bytes each, as measured; a bin is never split."""


def roi_align_rotated_forward(
    features: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
) -> Tensor:
    """Pool each region: `torch.ops.detectron2.roi_align_rotated_forward`.

    Args:
        features: (N, C, H, W) floats; half precisions are computed in float32.
        rois: (R, 6) floats, (index into N, centre x, centre y, width, height, degrees
            anticlockwise), in pixels of the image.
        spatial_scale: From pixels of the image to those of the features.
        pooled_height: Bins of a region, along its height.
        pooled_width: Bins of a region, along its width.
        sampling_ratio: Samples of a bin along each side; 0 for one to each pixel of the features,
            rounded up.

    Returns:
        (R, C, pooled_height, pooled_width), dtype of the features. Samples more than a pixel
        outside count as 0, and so do bins of a region without size where `sampling_ratio` is 0.

    Raises:
        ValueError: A region's size is negative or not finite.
    """
    channels = features.shape[1]
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    # In the precision of the compiled operator: the number of samples hangs on the last bit.
    sizes_wh = rois[:, 3:5].to(dtype) * spatial_scale
    if not bool(((sizes_wh >= 0) & sizes_wh.isfinite()).all()):
        raise ValueError("A region of interest has a size that is negative or not finite.")
    bins_wh = sizes_wh.new_tensor([pooled_width, pooled_height])
    if sampling_ratio > 0:
        samples_wh = torch.full_like(sizes_wh, sampling_ratio, dtype=torch.int64)
    else:
        samples_wh = (sizes_wh / bins_wh).ceil().long()

    pixels = features.to(dtype).permute(0, 2, 3, 1).reshape(-1, channels)
    counts = samples_wh.prod(dim=1).repeat_interleave(pooled_height * pooled_width)
    sums = pixels.new_empty(len(counts), channels)
    for first, last in _chunks(counts):
        bins = torch.arange(first, last, device=rois.device)
        indices, weights = _taps(
            bins,
            counts[first:last],
            rois=rois,
            spatial_scale=spatial_scale,
            sizes_wh=sizes_wh,
            samples_wh=samples_wh,
            pooled_hw=(pooled_height, pooled_width),
            features_hw=(features.shape[2], features.shape[3]),
        )
        ends = counts[first:last].cumsum(0)
        sums[first:last] = F.embedding_bag(
            indices.flatten(),
            pixels,
            offsets=4 * (ends - counts[first:last]),
            mode="sum",
            per_sample_weights=weights.flatten().to(dtype),
        )
    means = sums / counts[:, None].clamp(min=1)
    pooled = means.view(len(rois), pooled_height, pooled_width, channels)
    return pooled.permute(0, 3, 1, 2).contiguous().to(features.dtype)


def _chunks(counts: Tensor) -> list[tuple[int, int]]:
    """Ranges of consecutive bins that have no more samples than memory is given to.

    Args:
        counts: (B,) int64, samples of each bin.
    """
    if not len(counts):
        return []
    ends = counts.cumsum(0)
    limits = range(_SAMPLES_AT_ONCE, int(ends[-1]), _SAMPLES_AT_ONCE)
    cuts = torch.searchsorted(ends, ends.new_tensor(list(limits)), right=True).tolist()
    return list(itertools.pairwise(sorted({0, *cuts, len(counts)})))


def _taps(
    bins: Tensor,
    counts: Tensor,
    *,
    rois: Tensor,
    spatial_scale: float,
    sizes_wh: Tensor,
    samples_wh: Tensor,
    pooled_hw: tuple[int, int],
    features_hw: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Pixels under the samples of some bins, and their weights.

    Args:
        bins: (B,) int64, numbers of the bins, counted through all regions row by row.
        counts: (B,) int64, samples of each.
        rois: (R, 6) floats.
        spatial_scale: From pixels of the image to those of the features.
        sizes_wh: (R, 2) floats, in pixels of the features.
        samples_wh: (R, 2) int64, samples of a bin along each side.
        pooled_hw: Bins of a region.
        features_hw: Size of the feature map.

    Returns:
        Indices into the pixels of all images, (S, 4) int64, and weights, (S, 4) float64.
    """
    pooled_height, pooled_width = pooled_hw
    of_bin = torch.repeat_interleave(torch.arange(len(bins), device=bins.device), counts)
    nth = torch.arange(len(of_bin), device=bins.device) - (counts.cumsum(0) - counts)[of_bin]
    bins = bins[of_bin]
    roi = bins // (pooled_height * pooled_width)
    columns, rows = samples_wh[roi].unbind(dim=1)

    # From the region's centre along its width and height, then turned and moved there.
    across = (bins % pooled_width + (nth % columns + 0.5) / columns.double()) / pooled_width - 0.5
    along = bins // pooled_width % pooled_height
    down = (along + (nth // columns + 0.5) / rows.double()) / pooled_height - 0.5
    u, v = (torch.stack([across, down], dim=1) * sizes_wh.double()[roi]).unbind(dim=1)
    image, centre_x, centre_y, _, _, degrees = rois.double().unbind(dim=1)
    cos, sin = degrees.deg2rad().cos()[roi], degrees.deg2rad().sin()[roi]
    # Pixel 0 of the features has its centre at 0.5.
    x = centre_x[roi] * spatial_scale - 0.5 + u * cos + v * sin
    y = centre_y[roi] * spatial_scale - 0.5 - u * sin + v * cos

    height, width = features_hw
    counted = (x >= -1) & (x <= width) & (y >= -1) & (y <= height)
    left, right, to_right = _neighbours(torch.where(counted, x, 0.0), width)
    above, below, to_below = _neighbours(torch.where(counted, y, 0.0), height)
    start = image.long()[roi] * height
    indices = [(start + row) * width + column for row in (above, below) for column in (left, right)]
    weights = [
        weight_y * weight_x * counted
        for weight_y in (1 - to_below, to_below)
        for weight_x in (1 - to_right, to_right)
    ]
    return torch.stack(indices, dim=1), torch.stack(weights, dim=1)


def _neighbours(positions: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels before and after each position, int64, and how far it is between them, 0 to 1.

    Beyond the first and the last pixel everything is like those.
    """
    positions = positions.clamp(0, size - 1)
    before = positions.floor()
    after = (before + 1).clamp(max=size - 1)
    return before.long(), after.long(), positions - before
