"""AP of two versions on the same images: what differs, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from client.compare.bootstrap import (
    COCO_THRESHOLDS,
    Interval,
    Values,
    interval,
    resampled_aps,
    resamples,
)
from client.evaluate.judging import Evaluation
from client.evaluate.matches import Matches, Task
from client.evaluate.matching import match
from client.evaluate.precision import ap_table, class_aps
from client.evaluate.steps import Step, no_step


@dataclass(frozen=True)
class Change:
    """A number of both versions, AP in percent.

    Attributes:
        old: Of the old version; NaN where it is not defined.
        new: Of the new one, likewise.
        interval: Of the difference; None where it was not looked for.
    """

    old: float
    new: float
    interval: Interval | None = None

    @property
    def difference(self) -> float:
        """The new number without the old one: less than 0 is worse."""
        return self.new - self.old


@dataclass(frozen=True)
class Precision:
    """AP of both versions.

    Attributes:
        metrics: By task and name of `COCOEvaluator`'s metric; those of sizes have no interval.
        classes: AP by task and id of a category.
        lost: Tasks that the old version alone answers with, which are in neither of these.
        gained: Tasks that the new one alone answers with, likewise.
    """

    metrics: Mapping[Task, Mapping[str, Change]]
    classes: Mapping[Task, Mapping[int, Change]]
    lost: tuple[Task, ...] = ()
    gained: tuple[Task, ...] = ()


def compare_precision(
    old: Evaluation, new: Evaluation, *, count: int, step: Step = no_step
) -> Precision:
    """Compare AP.

    Args:
        old: Of the old version.
        new: Of the new one, judged in the same way on the same images.
        count: How many resamples.
        step: Called with each part.
    """
    matches = _both(old, new)
    found = {task: _Resampled(*sides) for task, sides in matches.items()}
    for weights in resamples(len(old.images), count):
        for one in found.values():
            one.add(weights, step)
    return Precision(
        {task: one.metrics() for task, one in found.items()},
        {task: one.classes() for task, one in found.items()},
        tuple(task for task in old.matches if task not in matches),
        tuple(task for task in new.matches if task not in matches),
    )


def _both(old: Evaluation, new: Evaluation) -> dict[Task, tuple[Matches, Matches]]:
    """What both answer with. A version that finds nothing finds no masks and keypoints either."""
    both = {}
    for task in (*old.matches, *(one for one in new.matches if one not in old.matches)):
        sides = [_matches(one, task) for one in (old, new)]
        if sides[0] is not None and sides[1] is not None:
            both[task] = (sides[0], sides[1])
    return both


def _matches(evaluation: Evaluation, task: Task) -> Matches | None:
    if task in evaluation.matches:
        return evaluation.matches[task]
    return None if evaluation.detections else _nothing(evaluation, task)


def _nothing(evaluation: Evaluation, task: Task) -> Matches:
    settings = evaluation.settings
    return match(
        evaluation.dataset,
        [],
        task,
        image_ids=[one.image.id for one in evaluation.images],
        max_detections=settings.max_detections,
        keypoint_sigmas=settings.keypoint_sigmas,
        also_at=(settings.iou,),
    )


class _Resampled:
    """Differences of one task, in percent, over all resamples."""

    def __init__(self, old: Matches, new: Matches) -> None:
        self._old, self._new = old, new
        self._thresholds: dict[str, Sequence[int]] = {
            "AP": range(COCO_THRESHOLDS),
            "AP50": [old.threshold_index(0.5)],
            "AP75": [old.threshold_index(0.75)],
        }
        self._metrics: dict[str, list[Values]] = {name: [] for name in self._thresholds}
        self._classes: list[Values] = []

    def add(self, weights: Values, step: Step) -> None:
        """Take some more resamples."""
        old, new = (
            100 * resampled_aps(side, weights, step=step) for side in (self._old, self._new)
        )
        for name, thresholds in self._thresholds.items():
            self._metrics[name].append(_mean(new[:, thresholds]) - _mean(old[:, thresholds]))
        self._classes.append((new - old).mean(axis=1))

    def metrics(self) -> dict[str, Change]:
        """By name of a metric."""
        old, new = ap_table(self._old), ap_table(self._new)
        found = {name: interval(np.concatenate(parts)) for name, parts in self._metrics.items()}
        return {name: Change(old[name], new[name], found.get(name)) for name in old}

    def classes(self) -> dict[int, Change]:
        """By id of a category."""
        old, new = class_aps(self._old), class_aps(self._new)
        found = np.concatenate(self._classes)
        return {
            category: Change(old[category], new[category], interval(found[:, position]))
            for position, category in enumerate(self._old.category_ids)
        }


def _mean(aps: Values) -> Values:
    """(B,) the mean over thresholds and classes of what is defined; NaN where nothing is."""
    defined = ~np.isnan(aps)
    count = defined.sum(axis=(1, 2))
    total = np.where(defined, aps, 0.0).sum(axis=(1, 2))
    return np.where(count, total / np.maximum(count, 1), np.nan)
