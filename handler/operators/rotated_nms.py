"""Non-maximum suppression of rotated boxes."""

import torch
from torch import Tensor

from handler.operators.rotated_iou import close_pairs, pair_ious

_BOXES_AT_ONCE = 512


def nms_rotated(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Keep what overlaps nothing better that was kept: `torch.ops.detectron2.nms_rotated`.

    Boxes are taken in blocks, best first. What overlaps a box that is already kept goes at once,
    so that few pairs are left to be measured inside the block.

    Args:
        boxes: (N, 5) floats, (centre x, centre y, width, height, degrees anticlockwise).
        scores: (N,) floats; of equal ones the first in order is the better, NaN is above all.
        iou_threshold: Boxes are suppressed by an IoU strictly above it, as by the compiled operator
            on GPUs; on CPUs that one does not spare an IoU of just the threshold.

    Returns:
        (K,) int64, indices of the boxes kept, by descending score.
    """
    order = scores.argsort(descending=True, stable=True)
    ranked = boxes[order].double()
    kept = order[:0]
    ranks = torch.arange(len(order), device=order.device)
    for block in torch.split(ranks, _BOXES_AT_ONCE):
        _, worse = _overlapping(ranked, kept, block, iou_threshold)
        left = block[~_marked(len(block), worse)]
        better, worse = _overlapping(ranked, left, left, iou_threshold)
        kept = torch.cat([kept, left[_unbeaten(len(left), better, worse)]])
    return order[kept]


def _overlapping(
    ranked: Tensor, better: Tensor, worse: Tensor, iou_threshold: float
) -> tuple[Tensor, Tensor]:
    """Pairs of a better and a worse box that overlap too much.

    Args:
        ranked: (N, 5) float64, best first.
        better: (B,) int64 ranks.
        worse: (W,) int64 ranks.
        iou_threshold: What is too much lies above it.

    Returns:
        Indices into `better` and into `worse`, (P,) int64 each.
    """
    found = [torch.stack([better[:0], worse[:0]])]
    for pairs in close_pairs(ranked[better], ranked[worse], iou_threshold):
        rows, columns = torch.stack(pairs)[:, better[pairs[0]] < worse[pairs[1]]]
        # In float32 on both sides, so that an IoU of just the threshold is not above it.
        over = pair_ious(ranked[better[rows]], ranked[worse[columns]]) > iou_threshold
        found.append(torch.stack([rows[over], columns[over]]))
    rows, columns = torch.cat(found, dim=1)
    return rows, columns


def _unbeaten(count: int, better: Tensor, worse: Tensor) -> Tensor:
    """Which of `count` boxes, best first, are beaten by none that is itself unbeaten.

    That is what going through them one by one gives: the best is unbeaten, and each one's fate
    hangs on those before it. All fates are settled at once, from the ones of the round before;
    every round settles at least one more for good, and most need a handful.

    Returns:
        (count,) bool.
    """
    unbeaten = ~_marked(count, worse)
    while True:
        settled = ~_marked(count, worse[unbeaten[better]])
        if torch.equal(settled, unbeaten):
            return unbeaten
        unbeaten = settled


def _marked(count: int, indices: Tensor) -> Tensor:
    """(count,) bool, True at the indices."""
    marks = torch.zeros(count, dtype=torch.bool, device=indices.device)
    marks[indices] = True
    return marks
