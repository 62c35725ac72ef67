"""Precision, recall and F1 over the score threshold, and the threshold at which F1 is best."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np
import numpy.typing as npt

from client.evaluate.matches import ClassMatches, Matches

SCORES: npt.NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""Where curves over the score are read."""

DIGITS = 3
"""Of a threshold as people read it, where so many are enough."""


@dataclass(frozen=True)
class Threshold:
    """Where F1 is best.

    Attributes:
        score: The least score that is accepted there.
        rounded: It rounded down to `DIGITS` decimals, or to as many more as it takes to accept the
            same detections.
        precision: 0 to 1.
        recall: 0 to 1.
        f1: 0 to 1.
    """

    score: float
    rounded: float
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
        score, precision, recall, f1 = (
            float(one[at]) for one in (self.scores, self.precision, self.recall, self.f1)
        )
        below = float(self.scores[at + 1]) if at + 1 < len(self.scores) else None
        return Threshold(score, _rounded_down(score, below), precision, recall, f1)

    def f1_at(self, scores: npt.NDArray[np.float64] = SCORES) -> npt.NDArray[np.float64]:
        """F1 when detections of a score or more are accepted.

        Args:
            scores: (N,) thresholds.

        Returns:
            (N,) float64; 0 where none is accepted.
        """
        # As servers and `Predictions.above` compare them.
        ours, limits = self.scores.astype(np.float32), scores.astype(np.float32)
        accepted = np.searchsorted(-ours, -limits, side="right")
        return np.concatenate([[0.0], self.f1])[accepted]


def _rounded_down(score: float, below: float | None) -> float:
    """The shortest decimals, `DIGITS` at least, that accept a score and not the one below it."""
    exact = Decimal(str(np.float32(score)))  # such as 0.7, which float32 does not have
    for digits in range(DIGITS, -int(exact.as_tuple().exponent)):
        rounded = float(exact.quantize(Decimal(1).scaleb(-digits), ROUND_DOWN))
        if below is None or np.float32(rounded) > np.float32(below):
            return rounded
    return float(exact)


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


def threshold_text(rounded: float) -> str:
    """A threshold for people.

    Args:
        rounded: Of a `Threshold`.
    """
    return np.format_float_positional(rounded, min_digits=DIGITS)


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
