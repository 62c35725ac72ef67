"""Pairs -> the confusion matrix: which class is taken for which, and what for nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from client.classes import Category
from client.evaluate.dataset import Annotation
from client.evaluate.pairing import Pairing

Cell = tuple[int, int]
"""Row and column of the matrix."""


@dataclass(frozen=True)
class Counts:
    """What became of one class.

    Attributes:
        objects: In the annotations, crowds left out.
        found: Of these, detected as what they are.
        confused: Of these, detected as something else.
        missed: Of these, not detected.
        detections: Of this class, those in crowds left out.
        false_alarms: Of these, where no object is.
        wrong: Of these, where an object of another class is.
    """

    objects: int
    found: int
    confused: int
    missed: int
    detections: int
    false_alarms: int
    wrong: int

    @property
    def precision(self) -> float:
        """Share of the detections that are right; NaN where there are none."""
        return self.found / self.detections if self.detections else float("nan")

    @property
    def recall(self) -> float:
        """Share of the objects that are found; NaN where there are none."""
        return self.found / self.objects if self.objects else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN where there is neither object nor detection."""
        both = self.detections + self.objects
        return 2 * self.found / both if both else float("nan")


@dataclass(frozen=True)
class ConfusionMatrix:
    """Objects by what they are (rows) and what the model says (columns).

    Attributes:
        categories: K of them.
        counts: (K + 1, K + 1) int64. The last row has detections where no object is, the last
            column objects that were missed; where both meet is 0.
    """

    categories: tuple[Category, ...]
    counts: npt.NDArray[np.int64]

    def of(self, position: int) -> Counts:
        """What became of one class.

        Args:
            position: Of its category.
        """
        row, column = self.counts[position], self.counts[:, position]
        found = int(row[position])
        return Counts(
            objects=int(row.sum()),
            found=found,
            confused=int(row[:-1].sum()) - found,
            missed=int(row[-1]),
            detections=int(column.sum()),
            false_alarms=int(column[-1]),
            wrong=int(column[:-1].sum()) - found,
        )

    @property
    def total(self) -> Counts:
        """Of all classes together."""
        all_ = [self.of(position) for position in range(len(self.categories))]
        names = ("objects", "found", "confused", "missed", "detections", "false_alarms", "wrong")
        return Counts(*(sum(getattr(one, name) for one in all_) for name in names))


def cells_of(
    pairing: Pairing,
    annotations: Sequence[Annotation],
    results: Sequence[Mapping[str, Any]],
    categories: Sequence[Category],
) -> list[Cell]:
    """The cells that one image adds 1 to, one for each object and false alarm.

    Args:
        pairing: Of its objects and detections.
        annotations: Those objects.
        results: Those detections, as COCO results.
        categories: Of the data set; their positions are rows and columns.
    """
    index = {category.id: position for position, category in enumerate(categories)}
    background = len(categories)
    return [
        *(
            (index[annotations[one.object].category_id], index[_said(results, one.detection)])
            for one in pairing.pairs
        ),
        *((index[annotations[one].category_id], background) for one in pairing.missed),
        *((background, index[_said(results, one)]) for one in pairing.false_alarms),
    ]


def confusion_matrix(
    cells: Iterable[Sequence[Cell]], categories: Sequence[Category]
) -> ConfusionMatrix:
    """Count the cells of all images.

    Args:
        cells: Of each image.
        categories: Of the data set.
    """
    counts = np.zeros((len(categories) + 1, len(categories) + 1), dtype=np.int64)
    for of_image in cells:
        for row, column in of_image:
            counts[row, column] += 1
    return ConfusionMatrix(tuple(categories), counts)


def _said(results: Sequence[Mapping[str, Any]], detection: int) -> Any:
    return results[detection]["category_id"]
