"""How much a number would differ if the images were others: a bootstrap over images.

A resample draws as many images as there are, each as often as chance will have it, and the number
is computed again on those. Both versions get the same resample, so that what is hard in an image is
hard for both, and their difference is known better than either number. What matches what does not
depend on the other images, so nothing is matched again: an image that was drawn n times has the
weight n (`client.evaluate.precision`). Here the same is done for many resamples at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from client.evaluate.matches import ClassMatches, Matches
from client.evaluate.precision import RECALLS
from client.evaluate.steps import Step, no_step

RESAMPLES = 1000
LEVEL = 0.95
SEED = 0

COCO_THRESHOLDS = 10
"""Those of AP, which are the first of `Matches.iou_thresholds`."""

_ELEMENTS = 2_000_000
"""Of the arrays that are made at a time, so that they stay in tens of megabytes."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """In which a number lies in `LEVEL` of the resamples, as many below it as above.

    Attributes:
        low: Its lower end; NaN where the number is never defined.
        high: Its upper end, likewise.
    """

    low: float
    high: float


def interval(values: Values) -> Interval:
    """The percentile interval.

    Args:
        values: (B,) of each resample; NaN where it is not defined there.
    """
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    ends = (50 - 50 * LEVEL, 50 + 50 * LEVEL)
    return Interval(*np.percentile(defined, ends).tolist())


def resamples(images: int, count: int, *, seed: int = SEED) -> Iterator[Values]:
    """How often each image is drawn, some resamples at a time.

    Args:
        images: I of them, one at least.
        count: B resamples in all.
        seed: Of the chance.

    Yields:
        (b, I) float64; rows add up to I.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _ELEMENTS // images)
    for start in range(0, count, at_once):
        size = min(at_once, count - start)
        yield random.multinomial(images, np.full(images, 1 / images), size).astype(np.float64)


def resampled_aps(matches: Matches, weights: Values, *, step: Step = no_step) -> Values:
    """AP of each resample, IoU threshold and class, of all areas.

    Args:
        matches: Of a data set.
        weights: (B, I), as `resamples` gives them, in the order of `Matches.image_ids`.
        step: Called with each part.

    Returns:
        (B, 10, K) float64, 0 to 1; NaN where a resample has no object of the class.
    """
    cells = [row[0] for row in matches.cells]
    return np.stack([_class_aps(cell, weights, step) for cell in cells], axis=2)


def _class_aps(found: ClassMatches, weights: Values, step: Step) -> Values:
    objects = found.objects(weights)
    aps = np.full((len(weights), COCO_THRESHOLDS), np.nan)
    at_once = max(1, _ELEMENTS // max(1, len(found.scores)))
    (defined,) = np.nonzero(objects)
    for start in range(0, len(defined), at_once):
        step("resampling AP")
        rows = defined[start : start + at_once]
        aps[rows] = _some_aps(found, weights[rows], objects[rows])
    return aps


def _some_aps(found: ClassMatches, weights: Values, objects: Values) -> Values:
    """`client.evaluate.precision.accumulate` and its mean over recalls, of several resamples."""
    aps = np.zeros((len(weights), COCO_THRESHOLDS))
    each = weights[:, found.images]
    detections = np.zeros_like(each)
    for threshold in range(COCO_THRESHOLDS):
        counted = found.counted[threshold]
        if threshold == 0 or not np.array_equal(counted, found.counted[threshold - 1]):
            detections = np.cumsum(each * counted, axis=1)
        hits = np.flatnonzero(found.found[threshold])
        true = np.cumsum(each[:, hits], axis=1)
        curve = true / (detections[:, hits] + np.spacing(1))
        envelope = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
        # A detection answers for the recalls that are reached with it and not before it.
        reached = np.searchsorted(RECALLS, true / objects[:, None], side="right")
        aps[:, threshold] = (envelope * np.diff(reached, axis=1, prepend=0)).sum(axis=1)
    return aps / len(RECALLS)


def resampled_medians(
    values: Values, count: int, *, seed: int = SEED, step: Step = no_step
) -> Values:
    """The median of each resample.

    Args:
        values: (N,) one of each image.
        count: B resamples.
        seed: Of the chance.
        step: Called with each part.

    Returns:
        (B,) float64.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _ELEMENTS // max(1, len(values)))
    medians = []
    for start in range(0, count, at_once):
        step("resampling times")
        size = min(at_once, count - start)
        drawn = random.integers(len(values), size=(size, len(values)))
        medians.append(np.median(values[drawn], axis=1))
    return np.concatenate([np.zeros(0), *medians])
