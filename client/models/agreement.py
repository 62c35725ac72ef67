"""How far two versions of a model say the same of the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

SAME_OBJECT_IOU = 0.5
"""Regions of one class that overlap at least so much are of the same object."""

_SEGMENTATIONS = ("semantic", "panoptic")


@dataclass(frozen=True)
class Agreement:
    """Detections and segments that both versions found, over all images.

    Attributes:
        old: What the old version found above the score.
        old_found_again: Those of them that have a counterpart among all that the new one found.
        new: What the new version found above the score.
        new_found_before: Those of them that have a counterpart among all that the old one found.
    """

    old: int
    old_found_again: int
    new: int
    new_found_before: int

    @property
    def share(self) -> float:
        """0 to 1, counting both directions: a version that sees more than there is disagrees."""
        found = self.old + self.new
        return (self.old_found_again + self.new_found_before) / found if found else 1.0

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.old_found_again} of the old version's {self.old} detections are found again, "
            f"and {self.new_found_before} of the new one's {self.new} were found before: "
            f"{self.share:.0%} agree"
        )


def agreement(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], *, score: float
) -> Agreement:
    """Compare answers in the `native` format, image by image.

    Args:
        old: The old version's.
        new: The new version's, of the same images.
        score: Detections below it need no counterpart, but can be one; 0 to 1.
    """
    counts = np.zeros(4, dtype=np.int64)
    for one, other in zip(old, new, strict=True):
        for kind in ("instances", *_SEGMENTATIONS):
            counts += _count(_regions(one, kind), _regions(other, kind), score)
    return Agreement(*(int(count) for count in counts))


@dataclass(frozen=True)
class _Regions:
    """(N,) class names and scores; (N, 4) boxes, or N run-length encodings."""

    classes: list[str]
    scores: npt.NDArray[np.float64]
    shapes: list[Any]


def _regions(document: dict[str, Any], kind: str) -> _Regions:
    if kind == "instances":
        found, shape = document["predictions"], "box"
    else:
        found, shape = document.get(kind, {}).get("segments", []), "mask"
    return _Regions(
        [one["class_name"] for one in found],
        np.array([one.get("score", 1.0) for one in found], dtype=np.float64),
        [one[shape] for one in found],
    )


def _count(old: _Regions, new: _Regions, score: float) -> npt.NDArray[np.int64]:
    pairs = _counterparts(old, new)
    counted_old, counted_new = old.scores >= score, new.scores >= score
    return np.array(
        [
            counted_old.sum(),
            sum(bool(counted_old[one]) for one, _ in pairs),
            counted_new.sum(),
            sum(bool(counted_new[other]) for _, other in pairs),
        ],
        dtype=np.int64,
    )


def _counterparts(old: _Regions, new: _Regions) -> list[tuple[int, int]]:
    """Positions on both sides, each in one pair at most, those that overlap most first."""
    if not old.classes or not new.classes:
        return []
    ious = _ious(old.shapes, new.shapes)
    ious[np.array(old.classes)[:, None] != np.array(new.classes)] = 0
    pairs = []
    while ious.max() >= SAME_OBJECT_IOU:
        one, other = (int(i) for i in np.unravel_index(ious.argmax(), ious.shape))
        pairs.append((one, other))
        ious[one], ious[:, other] = 0, 0
    return pairs


def _ious(old: list[Any], new: list[Any]) -> npt.NDArray[np.float64]:
    """(N, M) intersections over unions, of boxes (x0, y0, x1, y1) or of masks."""
    if isinstance(old[0], dict):
        masks = [[{**rle, "counts": rle["counts"].encode()} for rle in side] for side in (old, new)]
        return np.asarray(coco_mask.iou(*masks, [0] * len(new)), dtype=np.float64)
    one, other = (np.array(side, dtype=np.float64) for side in (old, new))
    overlap_wh = np.clip(
        np.minimum(one[:, None, 2:], other[:, 2:]) - np.maximum(one[:, None, :2], other[:, :2]),
        0,
        None,
    )
    overlap = overlap_wh.prod(axis=2)
    areas = [(side[:, 2:] - side[:, :2]).prod(axis=1) for side in (one, other)]
    union = areas[0][:, None] + areas[1] - overlap
    return np.asarray(overlap / np.maximum(union, np.finfo(np.float64).tiny))
