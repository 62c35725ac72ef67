"""How far what was found is from what Detectron2 finds."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.found import Found
from export.agreement import counterparts

_CONFIDENT = 0.5


@dataclass(frozen=True)
class Agreement:
    """Of one or more answers.

    Attributes:
        answers: How many were compared.
        identical: Of those, with every bit of boxes, scores, classes and masks the same.
        objects: That Detectron2 finds.
        found: That the arm finds.
        unpaired: On both sides together, without a counterpart of the same class whose box
            overlaps by half or more.
        missed_confident: Of those that Detectron2 finds with a score above 0.5, how many have no
            counterpart.
        largest_box_px: Between counterparts.
        largest_score: Between counterparts.
        mask_ious: Of each pair of counterparts.
    """

    answers: int = 0
    identical: int = 0
    objects: int = 0
    found: int = 0
    unpaired: int = 0
    missed_confident: int = 0
    largest_box_px: float = 0.0
    largest_score: float = 0.0
    mask_ious: tuple[float, ...] = ()

    @property
    def is_identical(self) -> bool:
        """Whether all are."""
        return self.identical == self.answers

    @property
    def least_mask_iou(self) -> float | None:
        """None where there are no counterparts."""
        return min(self.mask_ious, default=None)

    @property
    def median_mask_iou(self) -> float | None:
        """None where there are no counterparts."""
        return median(self.mask_ious) if self.mask_ious else None

    def __add__(self, other: "Agreement") -> "Agreement":
        """Of the answers of both."""
        return Agreement(
            self.answers + other.answers,
            self.identical + other.identical,
            self.objects + other.objects,
            self.found + other.found,
            self.unpaired + other.unpaired,
            self.missed_confident + other.missed_confident,
            max(self.largest_box_px, other.largest_box_px),
            max(self.largest_score, other.largest_score),
            self.mask_ious + other.mask_ious,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, of the masks the least and the median."""
        values = asdict(self)
        del values["mask_ious"]
        return values | {
            "least_mask_iou": self.least_mask_iou,
            "median_mask_iou": self.median_mask_iou,
        }


def agreement(found: Found, expected: Found) -> Agreement:
    """Compare one answer."""
    if _is_identical(found, expected):
        count = len(expected)
        return Agreement(1, 1, objects=count, found=count, mask_ious=(1.0,) * count)
    pairs = counterparts(found.boxes, found.class_ids, expected.boxes, expected.class_ids)
    ours, theirs = [mine for mine, _ in pairs], [index for _, index in pairs]
    ious = tuple(
        float(coco_mask.iou([found.masks[mine]], [expected.masks[index]], [0])[0, 0])
        for mine, index in pairs
    )
    missed = np.delete(expected.scores, theirs) > _CONFIDENT
    boxes = np.abs(found.boxes[ours] - expected.boxes[theirs])
    scores = np.abs(found.scores[ours] - expected.scores[theirs])
    return Agreement(
        answers=1,
        objects=len(expected),
        found=len(found),
        unpaired=len(found) + len(expected) - 2 * len(ours),
        missed_confident=int(missed.sum()),
        largest_box_px=float(boxes.max(initial=0.0)),
        largest_score=float(scores.max(initial=0.0)),
        mask_ious=ious,
    )


def _is_identical(found: Found, expected: Found) -> bool:
    return found.masks == expected.masks and all(
        one.shape == other.shape and one.tobytes() == other.tobytes()
        for one, other in (
            (found.boxes, expected.boxes),
            (found.scores, expected.scores),
            (found.class_ids, expected.class_ids),
        )
    )
