"""Overlap of rotated boxes.

A rotated box is (centre x, centre y, width, height, degrees anticlockwise), in pixels, as
`detectron2.structures.RotatedBoxes` defines it.

The area that two boxes share is found without looking for corners of it. Turn the pair until the
second box is upright about the origin. At every x the first one reaches from its lower to its upper
edge; what the second one leaves of that is a difference of clamped heights. So the area is

    | sum over the edges of the first, from x0 to x1, of the integral of clamp(y(x), -h/2, h/2) dx |

with x kept within -w/2 to w/2 (Green's theorem). Nothing is sorted and no edge is asked on which
side of another it lies: boxes that touch, coincide or have no width are no special cases.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

_SMALLEST_AREA = 1e-14
"""In square pixels; what is smaller overlaps nothing. As in Detectron2's compiled operator."""

_CANDIDATES_AT_ONCE = 2**19
_PAIRS_AT_ONCE = 2**16
"""Together they keep the memory beyond the result at some 120 MB, however many boxes there are."""


def box_iou_rotated(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU of every box with every other: `torch.ops.detectron2.box_iou_rotated`.

    Args:
        boxes1: (N, 5) floats.
        boxes2: (M, 5) floats, on the same device.

    Returns:
        (N, M) float32 in [0, 1]; 0 where a box has no area or is not finite.
    """
    boxes1, boxes2 = boxes1.double(), boxes2.double()
    ious = torch.zeros(len(boxes1), len(boxes2), dtype=torch.float32, device=boxes1.device)
    for rows, columns in close_pairs(boxes1, boxes2):
        ious[rows, columns] = pair_ious(boxes1[rows], boxes2[columns])
    return ious


def close_pairs(
    boxes1: Tensor, boxes2: Tensor, iou_threshold: float = 0.0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Find the pairs whose IoU may exceed a threshold, by what is cheap to know of them.

    Two boxes share no more than the upright rectangles around them do, and no more than the
    smaller of them has.

    Args:
        boxes1: (N, 5) float64.
        boxes2: (M, 5) float64.
        iou_threshold: Every pair above it is among those found.

    Yields:
        Indices into `boxes1` and `boxes2`, (P,) int64 each, as many pairs as memory is given to.
    """
    low1, high1 = _upright_bounds(boxes1)
    low2, high2 = _upright_bounds(boxes2)
    areas1, areas2 = boxes1[:, 2] * boxes1[:, 3], boxes2[:, 2] * boxes2[:, 3]
    rows_at_once = max(1, _CANDIDATES_AT_ONCE // max(1, len(boxes2)))
    for start in range(0, len(boxes1), rows_at_once):
        rows = slice(start, start + rows_at_once)
        shared_wh = torch.minimum(high1[rows, None], high2) - torch.maximum(low1[rows, None], low2)
        smaller = torch.minimum(areas1[rows, None], areas2)
        shared = torch.minimum(shared_wh.clamp(min=0).prod(dim=2), smaller)
        bounds = shared / (areas1[rows, None] + areas2 - shared)
        # A little more, for what rounding may have taken away.
        found_rows, found_columns = (bounds * (1 + 1e-6) > iou_threshold).nonzero(as_tuple=True)
        yield from zip(
            torch.split(found_rows + start, _PAIRS_AT_ONCE),
            torch.split(found_columns, _PAIRS_AT_ONCE),
            strict=True,
        )


def pair_ious(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU of each box with its partner.

    Args:
        boxes1: (P, 5) float64.
        boxes2: (P, 5) float64.

    Returns:
        (P,) float32 in [0, 1].
    """
    areas1, areas2 = boxes1[:, 2] * boxes1[:, 3], boxes2[:, 2] * boxes2[:, 3]
    smaller = torch.minimum(areas1, areas2)
    shared = torch.minimum(_shared_areas(boxes1, boxes2), smaller)
    ious = shared / (areas1 + areas2 - shared)
    return torch.where(smaller < _SMALLEST_AREA, 0.0, ious).float()


def _upright_bounds(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest (x, y) of each box, (N, 2) each."""
    angles = boxes[:, 4].deg2rad()
    cos, sin = angles.cos().abs(), angles.sin().abs()
    half_w, half_h = boxes[:, 2].abs() / 2, boxes[:, 3].abs() / 2
    reach = torch.stack([half_w * cos + half_h * sin, half_w * sin + half_h * cos], dim=1)
    return boxes[:, :2] - reach, boxes[:, :2] + reach


def _shared_areas(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Area that each box shares with its partner, (P,) float64 in square pixels."""
    x0, y0 = _corners_seen_from(boxes1, boxes2)
    run, rise = x0.roll(-1, dims=1) - x0, y0.roll(-1, dims=1) - y0
    half_w, half_h = boxes2[:, 2, None].abs() / 2, boxes2[:, 3, None].abs() / 2

    # The part of each edge that is within the second box's width.
    start_x, end_x = x0.clamp(-half_w, half_w), x0.roll(-1, dims=1).clamp(-half_w, half_w)
    start_y = y0 + rise * torch.where(run == 0, 0.0, (start_x - x0) / run)
    end_y = y0 + rise * torch.where(run == 0, 0.0, (end_x - x0) / run)
    heights = _mean_of_clamped(start_y, end_y, half_h)
    return ((end_x - start_x) * heights).sum(dim=1).abs()


def _corners_seen_from(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Corners of each box where its partner is upright about the origin: x and y, (P, 4) each."""
    # Differences first: far from the origin, coordinates have no digits to spare.
    x, y = (boxes1[:, :2] - boxes2[:, :2]).unbind(dim=1)
    own, turn = boxes2[:, 4].deg2rad(), (boxes1[:, 4] - boxes2[:, 4]).deg2rad()
    centre_x = x * own.cos() - y * own.sin()
    centre_y = x * own.sin() + y * own.cos()
    u = boxes1[:, 2, None] * boxes1.new_tensor([-0.5, 0.5, 0.5, -0.5])
    v = boxes1[:, 3, None] * boxes1.new_tensor([-0.5, -0.5, 0.5, 0.5])
    cos, sin = turn.cos()[:, None], turn.sin()[:, None]
    return centre_x[:, None] + u * cos + v * sin, centre_y[:, None] - u * sin + v * cos


def _mean_of_clamped(start: Tensor, end: Tensor, limit: Tensor) -> Tensor:
    """Mean of clamp(y, -limit, limit) while y goes evenly from `start` to `end`."""
    low, high = torch.minimum(start, end), torch.maximum(start, end)
    low_within, high_within = low.clamp(-limit, limit), high.clamp(-limit, limit)
    below = torch.minimum(high, -limit) - torch.minimum(low, -limit)
    above = torch.maximum(high, limit) - torch.maximum(low, limit)
    within = high_within - low_within
    total = (above - below) * limit + within * (high_within + low_within) / 2
    # Parts, not a difference of antiderivatives: that loses its digits on a level edge.
    return torch.where(high == low, low_within, total / (high - low))
