"""Precision, recall and F1 over the score threshold, and the threshold at which F1 is best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from client.evaluate.matches import ClassMatches, Matches

SCORES: npt.NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""Where curves over the score are read."""


@dataclass(frozen=True)
class Threshold:
    """Where F1 is best.

    Attributes:
        score: The least score that is accepted there.
        precision: 0 to 1.
        recall: 0 to 1.
        f1: 0 to 1.
    """

    score: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ScoreCurve:
    """What a score threshold brings; D detections, best score first.

    Attributes:
        scores: (D,) float64.
        precision: (D,) of the detections up to there.
        recall: (D,)
        f1: (D,)
    """

    scores: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]

    def best(self) -> Threshold | None:
        """Where F1 is best, the highest such score; None where nothing was found."""
        if not len(self.f1) or not self.f1.max() > 0:
            return None
        at = int(self.f1.argmax())
        values = (float(one[at]) for one in (self.scores, self.precision, self.recall, self.f1))
        return Threshold(*values)

    def f1_at(self, scores: npt.NDArray[np.float64] = SCORES) -> npt.NDArray[np.float64]:
        """F1 when detections of a score or more are accepted.

        Args:
            scores: (N,) thresholds.

        Returns:
            (N,) float64; 0 where none is accepted.
        """
        accepted = np.searchsorted(-self.scores, -scores, side="right")
        return np.concatenate([[0.0], self.f1])[accepted]


def score_curve(cells: Sequence[ClassMatches], threshold: int) -> ScoreCurve | None:
    """The curve of a class, or of several together.

    Args:
        cells: Of each class, of all areas.
        threshold: Position of the IoU threshold.

    Returns:
        None where there are no objects.
    """
    objects = sum(int(cell.objects()) for cell in cells)
    if objects == 0:
        return None
    scores = np.concatenate([cell.scores[cell.counted[threshold]] for cell in cells])
    found = np.concatenate([cell.found[threshold, cell.counted[threshold]] for cell in cells])
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], found[order]
    # A threshold takes all detections of a score or none.
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    true = np.cumsum(found)[last]
    detections = np.arange(1, len(scores) + 1)[last]
    return ScoreCurve(
        scores[last], true / detections, true / objects, 2 * true / (detections + objects)
    )


def class_curves(matches: Matches, iou: float) -> dict[int, ScoreCurve | None]:
    """The curve of each category, by its id.

    Args:
        matches: Of a data set.
        iou: One of its thresholds.
    """
    threshold = matches.threshold_index(iou)
    return {
        category: score_curve([row[0]], threshold)
        for category, row in zip(matches.category_ids, matches.cells, strict=True)
    }


def overall_curve(matches: Matches, iou: float) -> ScoreCurve | None:
    """The curve of one threshold for all classes.

    Args:
        matches: Of a data set.
        iou: One of its thresholds.
    """
    return score_curve([row[0] for row in matches.cells], matches.threshold_index(iou))
