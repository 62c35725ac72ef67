"""Matches -> precision at every recall, and AP; with a weight for each image where one is wanted.

The arithmetic is that of pycocotools' `COCOeval.accumulate` and `summarize`: with weights of 1 the
numbers are the same to the last bit. A weight of n counts an image n times, as if it were n times
in the data set; so a bootstrap over images accumulates again and matches nothing again.
"""

import numpy as np
import numpy.typing as npt

from client.evaluate.matches import ClassMatches, Matches, Weights

RECALLS: npt.NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""Where precision is read."""

_COCO_THRESHOLDS = 10
_AREAS = {"small": "APs", "medium": "APm", "large": "APl"}


def precision_at_recalls(
    matches: Matches, area: str = "all", weights: Weights | None = None
) -> npt.NDArray[np.float64]:
    """Interpolated precision.

    Args:
        matches: Of a data set.
        area: Name of a range of areas.
        weights: Of the images; None is 1 for each.

    Returns:
        (T, 101, K) float64, NaN for categories without objects.
    """
    column = matches.areas.index(area)
    shape = (len(matches.iou_thresholds), len(RECALLS), len(matches.cells))
    precision = np.full(shape, np.nan)
    for category, row in enumerate(matches.cells):
        precision[:, :, category] = accumulate(row[column], weights)
    return precision


def accumulate(found: ClassMatches, weights: Weights | None = None) -> npt.NDArray[np.float64]:
    """Interpolated precision of one category.

    Args:
        found: Its detections.
        weights: As `precision_at_recalls` takes them.

    Returns:
        (T, 101) float64, NaN where it has no objects.
    """
    thresholds, count = found.found.shape
    objects = float(found.objects(weights))
    if objects == 0:
        return np.full((thresholds, len(RECALLS)), np.nan)
    precision = np.zeros((thresholds, len(RECALLS)))
    each = np.ones(count) if weights is None else weights[found.images]
    detections = np.zeros(count)
    for threshold in range(thresholds):
        counted = found.counted[threshold]
        if threshold == 0 or not np.array_equal(counted, found.counted[threshold - 1]):
            detections = np.cumsum(counted * each)
        # Recall grows, and precision has its peaks, where an object is found.
        hits = np.flatnonzero(found.found[threshold])
        true = np.cumsum(each[hits])
        curve = true / (detections[hits] + np.spacing(1))
        # The best precision at this recall or a higher one.
        envelope = np.maximum.accumulate(curve[::-1])[::-1]
        first = np.searchsorted(true / objects, RECALLS, side="left")
        reached = first < len(hits)
        precision[threshold, reached] = envelope[first[reached]]
    return precision


def average_precision(precision: npt.NDArray[np.float64]) -> float:
    """The mean of what is defined, 0 to 1; NaN where nothing is.

    Args:
        precision: Of `precision_at_recalls`, all or a part.
    """
    defined = precision[~np.isnan(precision)]
    return float(defined.mean()) if defined.size else float("nan")


def ap_table(matches: Matches, weights: Weights | None = None) -> dict[str, float]:
    """The metrics of `COCOEvaluator`, in percent; NaN where no object is of that size.

    AP, AP50, AP75, APs (not for keypoints), APm, APl.

    Args:
        matches: Of a data set.
        weights: As `precision_at_recalls` takes them.
    """
    precision = precision_at_recalls(matches, weights=weights)[:_COCO_THRESHOLDS]
    found = {
        "AP": precision,
        "AP50": precision[matches.threshold_index(0.5)],
        "AP75": precision[matches.threshold_index(0.75)],
    }
    for area, name in _AREAS.items():
        if area in matches.areas:
            found[name] = precision_at_recalls(matches, area, weights)[:_COCO_THRESHOLDS]
    return {name: 100 * average_precision(part) for name, part in found.items()}


def class_aps(matches: Matches, weights: Weights | None = None) -> dict[int, float]:
    """AP of each category, in percent, by its id; NaN where it has no objects.

    Args:
        matches: Of a data set.
        weights: As `precision_at_recalls` takes them.
    """
    precision = precision_at_recalls(matches, weights=weights)[:_COCO_THRESHOLDS]
    return {
        category: 100 * average_precision(precision[:, :, position])
        for position, category in enumerate(matches.category_ids)
    }


def mean_ap(matches: Matches, weights: Weights | None = None) -> float:
    """AP alone, in percent: what a bootstrap needs.

    Args:
        matches: Of a data set.
        weights: As `precision_at_recalls` takes them.
    """
    return 100 * average_precision(
        precision_at_recalls(matches, weights=weights)[:_COCO_THRESHOLDS]
    )
