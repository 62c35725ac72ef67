"""Which objects of two answers are the same ones, and how far those are apart."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

CONFIDENT = 0.5
"""An object that was expected with a higher score should not be missed."""

_SAME_OBJECT_IOU = 0.5
"""Boxes of one class that overlap at least so much are of the same object."""


class Objects(NamedTuple):
    """What was found on an image, N of them.

    Attributes:
        boxes: (N, 4) float32 `boxes_xyxy`, or (N, 5) rotated ones; pixels.
        scores: (N,) float32.
        class_ids: (N,) int64.
    """

    boxes: npt.NDArray[Any]
    scores: npt.NDArray[Any]
    class_ids: npt.NDArray[Any]


@dataclass(frozen=True)
class Matching:
    """Objects that were found beside those that were expected, on one or more images.

    Attributes:
        expected: Objects that were expected.
        found: Objects that were found.
        paired: Pairs of counterparts: one of each side, of the same class, whose boxes overlap by
            half or more.
        missed_confident: Of those that were expected with a score above `CONFIDENT`, how many have
            no counterpart.
        largest_box_px: Between counterparts.
        largest_score: Between counterparts.
        mask_ious: Of each pair of counterparts, where there are masks.
    """

    expected: int = 0
    found: int = 0
    paired: int = 0
    missed_confident: int = 0
    largest_box_px: float = 0.0
    largest_score: float = 0.0
    mask_ious: tuple[float, ...] = ()

    @property
    def unpaired(self) -> int:
        """Of both sides together, those without a counterpart."""
        return self.expected + self.found - 2 * self.paired

    @property
    def least_mask_iou(self) -> float | None:
        """None where no masks were compared."""
        return min(self.mask_ious, default=None)

    @property
    def median_mask_iou(self) -> float | None:
        """None where no masks were compared."""
        return median(self.mask_ious) if self.mask_ious else None

    def __add__(self, other: "Matching") -> "Matching":
        """Of the images of both."""
        return Matching(
            self.expected + other.expected,
            self.found + other.found,
            self.paired + other.paired,
            self.missed_confident + other.missed_confident,
            max(self.largest_box_px, other.largest_box_px),
            max(self.largest_score, other.largest_score),
            self.mask_ious + other.mask_ious,
        )


def match(
    found: Objects, expected: Objects, mask_iou: Callable[[int, int], float] | None = None
) -> Matching:
    """Compare what was found on one image with what was expected.

    Args:
        found: Objects.
        expected: Objects.
        mask_iou: Of the masks at a position of `found` and at one of `expected`, 0 to 1; None
            where there are no masks.
    """
    pairs = _counterparts(found, expected)
    ours, theirs = [mine for mine, _ in pairs], [index for _, index in pairs]
    missed = np.delete(expected.scores, theirs) > CONFIDENT
    boxes = np.abs(found.boxes[ours] - expected.boxes[theirs])
    scores = np.abs(found.scores[ours] - expected.scores[theirs])
    return Matching(
        expected=len(expected.scores),
        found=len(found.scores),
        paired=len(pairs),
        missed_confident=int(missed.sum()),
        largest_box_px=float(boxes.max(initial=0.0)),
        largest_score=float(scores.max(initial=0.0)),
        mask_ious=() if mask_iou is None else tuple(mask_iou(*pair) for pair in pairs),
    )


def _counterparts(found: Objects, expected: Objects) -> list[tuple[int, int]]:
    """Positions on both sides, each in one pair at most, those that overlap most first."""
    ious = _ious(_regions(found.boxes), _regions(expected.boxes))
    ious[found.class_ids[:, None] != expected.class_ids] = 0
    pairs = []
    while ious.size and ious.max() >= _SAME_OBJECT_IOU:
        mine, index = (int(i) for i in np.unravel_index(ious.argmax(), ious.shape))
        pairs.append((mine, index))
        ious[mine], ious[:, index] = 0, 0
    return pairs


def _regions(given: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(N, 4) upright boxes; of rotated ones the squares about their centres."""
    boxes = given.astype(np.float64)
    if boxes.shape[1] == 4:
        return boxes
    half = np.sqrt(boxes[:, 2:3] * boxes[:, 3:4]) / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _ious(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, M) of (N, 4) and (M, 4) boxes_xyxy."""
    low = np.maximum(one[:, None, :2], other[:, :2])
    high = np.minimum(one[:, None, 2:], other[:, 2:])
    shared = (high - low).clip(min=0).prod(axis=2)
    areas = [(side[:, 2:] - side[:, :2]).prod(axis=1) for side in (one, other)]
    union = areas[0][:, None] + areas[1] - shared
    ious: npt.NDArray[np.float64] = shared / np.where(union > 0, union, 1)
    return ious
