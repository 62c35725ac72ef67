"""How far what was found is from what Detectron2 finds."""

from dataclasses import dataclass, field
from typing import Any

from pycocotools import mask as coco_mask

from benchmarks.found import Found
from export.matching import Matching, Objects, match


@dataclass(frozen=True)
class Comparison:
    """Of one or more answers.

    Attributes:
        answers: How many were compared.
        identical: Of those, with every bit of boxes, scores, classes and masks the same.
        matching: What the arm finds, beside what Detectron2 finds.
    """

    answers: int = 0
    identical: int = 0
    matching: Matching = field(default_factory=Matching)

    @property
    def is_identical(self) -> bool:
        """Whether all are."""
        return self.identical == self.answers

    def __add__(self, other: "Comparison") -> "Comparison":
        """Of the answers of both."""
        return Comparison(
            self.answers + other.answers,
            self.identical + other.identical,
            self.matching + other.matching,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, of the masks the least and the median."""
        matching = self.matching
        return {
            "answers": self.answers,
            "identical": self.identical,
            "objects": matching.expected,
            "found": matching.found,
            "unpaired": matching.unpaired,
            "missed_confident": matching.missed_confident,
            "largest_box_px": matching.largest_box_px,
            "largest_score": matching.largest_score,
            "least_mask_iou": matching.least_mask_iou,
            "median_mask_iou": matching.median_mask_iou,
        }


def compare(found: Found, expected: Found) -> Comparison:
    """Compare one answer."""
    if _is_identical(found, expected):
        n = len(expected)
        return Comparison(1, 1, Matching(n, n, n, mask_ious=(1.0,) * n))

    def mask_iou(mine: int, index: int) -> float:
        return float(coco_mask.iou([found.masks[mine]], [expected.masks[index]], [0])[0, 0])

    return Comparison(1, 0, match(_objects(found), _objects(expected), mask_iou))


def _objects(side: Found) -> Objects:
    return Objects(side.boxes, side.scores, side.class_ids)


def _is_identical(found: Found, expected: Found) -> bool:
    return found.masks == expected.masks and all(
        one.shape == other.shape and one.tobytes() == other.tobytes()
        for one, other in zip(_objects(found), _objects(expected), strict=True)
    )
