"""A comparison -> the number of every name that a condition may have."""

import math
from collections.abc import Iterable, Mapping, Sequence

from client.answers.times import CLIENT
from client.compare.agreement import Agreement, Spread
from client.compare.comparison import Comparison
from client.compare.conditions import QUANTITIES, Value
from client.compare.precision import Change, Precision
from client.compare.speed import SERVER, Ratio
from client.evaluate.matches import TASKS, Task

_METRICS = {"ap": "AP", "ap50": "AP50", "ap75": "AP75"}
_SHAPES = {
    "box_iou": (("rotated_box", "box"), "boxes"),
    "mask_iou": (("mask",), "masks"),
    "keypoint_oks": (("keypoints",), "keypoints"),
}
_NO_ANNOTATIONS = Value(None, "there are no annotations", is_missing=True)


def values(comparison: Comparison) -> dict[str, Value]:
    """Of each of `client.compare.conditions.QUANTITIES`.

    Args:
        comparison: What was found.
    """
    judged = comparison.judged
    found = {
        **_counts(comparison.agreement),
        **_overlaps(comparison.agreement),
        **_shifts(comparison.agreement.total.shifts),
        **({} if judged is None else _drops(judged.precision)),
        **_speed(comparison.speed),
        "failed_images": Value(float(len(comparison.unanswered))),
    }
    return {name: found.get(name, _NO_ANNOTATIONS) for name in QUANTITIES}


def _counts(agreement: Agreement) -> dict[str, Value]:
    counts = agreement.total.counts
    of_old = "the old version found nothing that counts"
    return {
        "agreement": _defined(counts.agreement, "neither version found anything that counts"),
        "lost_share": _share(counts.only_old, counts.old, of_old),
        "new_share": _share(counts.only_new, counts.new, "the new one found nothing that counts"),
        "changed_share": _share(counts.changed, counts.old, of_old),
    }


def _overlaps(agreement: Agreement) -> dict[str, Value]:
    found = {}
    for name, (shapes, what) in _SHAPES.items():
        spreads = agreement.total.overlaps
        spread = next((spreads[shape] for shape in shapes if shape in spreads), None)
        for percentile in ("median", "p5"):
            found[f"{name}_{percentile}"] = (
                Value(None, *_why_no_overlap(agreement, shapes, what))
                if spread is None
                else Value(spread.of_overlaps()[percentile])
            )
    return found


def _why_no_overlap(agreement: Agreement, shapes: Iterable[str], what: str) -> tuple[str, bool]:
    if set(shapes) & set(agreement.one_sided):
        return f"only one of the versions answers with {what}", False
    if not agreement.total.counts.found_again + agreement.total.counts.found_before:
        return "no object was found by both", False
    return f"the versions do not answer with {what}", True


def _shifts(shifts: Spread) -> dict[str, Value]:
    found = shifts.of_shifts()
    names = {
        "score_shift": "median",
        "score_shift_size": "median_size",
        "score_shift_largest": "largest_size",
    }
    why = "no object with a score was found by both"
    return {name: _defined(found[key], why) for name, key in names.items()}


def _drops(precision: Precision) -> dict[str, Value]:
    metrics = precision.metrics
    # What the new version does not answer with any more is no smaller loss than a number.
    lost = [_not_judged(task, precision) for task in precision.lost]
    found = {}
    for name, metric in _METRICS.items():
        by_task = {task: _drop(of_task[metric]) for task, of_task in metrics.items()}
        found[f"{name}_drop"] = _largest([*by_task.values(), *lost])
        for task in TASKS:
            found[f"{name}_drop_{task}"] = by_task.get(task) or _not_judged(task, precision)
    intervals = [one["AP"].interval for one in metrics.values()]
    ends = [(-one.high / 100, -one.low / 100) for one in intervals if one is not None]
    found["ap_drop_low"] = _largest([*(_of_ap(low) for low, _ in ends), *lost])
    found["ap_drop_high"] = _largest([*(_of_ap(high) for _, high in ends), *lost])
    classes = [_drop(one) for of_task in precision.classes.values() for one in of_task.values()]
    known = [one for one in classes if one.number is not None]
    found["class_ap_drop"] = _largest([*(known or classes), *lost])
    return found


def _drop(change: Change) -> Value:
    return _of_ap((change.old - change.new) / 100)


def _of_ap(number: float) -> Value:
    return _defined(number, "no image that was judged has an object", is_missing=True)


def _not_judged(task: Task, precision: Precision) -> Value:
    what = TASKS[task]
    if task in precision.lost:
        return Value(None, f"the new version does not answer with {what}")
    if task in precision.gained:
        return Value(None, f"the old version does not answer with {what}")
    return Value(None, f"{what} are not judged: not both sides have them", is_missing=True)


def _largest(found: Sequence[Value]) -> Value:
    """The first that is not known, else the largest."""
    unknown = next((one for one in found if one.number is None), None)
    return unknown or max(found, key=lambda one: one.number or 0.0)


def _speed(speed: Mapping[str, Ratio]) -> dict[str, Value]:
    client, server = speed[CLIENT], speed.get(SERVER)
    unmeasured = "no time was measured"
    return {
        "slowdown": _defined(client.ratio, unmeasured),
        "slowdown_low": _defined(client.interval.low, unmeasured),
        "server_slowdown": (
            Value(None, "the answers of the two do not both say how long their worker took", True)
            if server is None
            else _defined(server.ratio, unmeasured)
        ),
    }


def _share(part: int, whole: int, why: str) -> Value:
    return Value(part / whole) if whole else Value(None, why)


def _defined(number: float, why: str, *, is_missing: bool = False) -> Value:
    return Value(None, why, is_missing) if math.isnan(number) else Value(number)
