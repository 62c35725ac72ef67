"""How far what was found is from what Detectron2 finds."""

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.found import Found
from export.agreement import counterparts


@dataclass(frozen=True)
class Agreement:
    """Of one or more answers.

    Attributes:
        answers: How many were compared.
        identical: Of those, with every bit of boxes, scores, classes and masks the same.
        objects: That Detectron2 finds.
        unpaired: On both sides together, without a counterpart of the same class whose box
            overlaps by half or more.
        largest_box_px: Between counterparts.
        largest_score: Between counterparts.
        least_mask_iou: Between counterparts; 1 where there are none.
    """

    answers: int = 0
    identical: int = 0
    objects: int = 0
    unpaired: int = 0
    largest_box_px: float = 0.0
    largest_score: float = 0.0
    least_mask_iou: float = 1.0

    @property
    def is_identical(self) -> bool:
        """Whether all are."""
        return self.identical == self.answers

    def __add__(self, other: "Agreement") -> "Agreement":
        """Of the answers of both."""
        return Agreement(
            self.answers + other.answers,
            self.identical + other.identical,
            self.objects + other.objects,
            self.unpaired + other.unpaired,
            max(self.largest_box_px, other.largest_box_px),
            max(self.largest_score, other.largest_score),
            min(self.least_mask_iou, other.least_mask_iou),
        )


def agreement(found: Found, expected: Found) -> Agreement:
    """Compare one answer."""
    if _is_identical(found, expected):
        return Agreement(answers=1, identical=1, objects=len(expected))
    pairs = counterparts(found.boxes, found.class_ids, expected.boxes, expected.class_ids)
    ours, theirs = [mine for mine, _ in pairs], [index for _, index in pairs]
    ious = [
        float(coco_mask.iou([found.masks[mine]], [expected.masks[index]], [0])[0, 0])
        for mine, index in pairs
    ]
    boxes = np.abs(found.boxes[ours] - expected.boxes[theirs])
    scores = np.abs(found.scores[ours] - expected.scores[theirs])
    return Agreement(
        answers=1,
        objects=len(expected),
        unpaired=len(found) + len(expected) - 2 * len(ours),
        largest_box_px=float(boxes.max(initial=0.0)),
        largest_score=float(scores.max(initial=0.0)),
        least_mask_iou=min(ious, default=1.0),
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
