"""A comparison -> `report.json`; docs/comparison.md describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from client.compare.agreement import NOTHING, Agreement, ClassName, Group
from client.compare.bootstrap import LEVEL, SEED
from client.compare.comparison import ComparedImage, Comparison, Judged
from client.compare.conditions import Verdict
from client.compare.precision import Change, Precision
from client.compare.speed import Ratio
from client.compare.values import values
from client.evaluate.matches import Matches
from client.evaluate.precision import RECALLS, precision_at_recalls
from client.report.json_values import json_value

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Origin:
    """Where a comparison is from.

    Attributes:
        model: Name of the model.
        versions: The old one and the new one.
        made: When, as ISO 8601.
        options: Of every request, without those that are left to the server.
        categories_by: How categories of classes were found, of each version; none without
            annotations.
        times_s: Of each version, of `client.answers.times.Times`.
        resamples: Of each bootstrap.
    """

    model: str
    versions: tuple[str, str]
    made: str
    options: Mapping[str, Any]
    categories_by: Sequence[str]
    times_s: tuple[Mapping[str, Any], Mapping[str, Any]]
    resamples: int


def report(
    comparison: Comparison, origin: Origin, verdicts: Sequence[Verdict] = ()
) -> dict[str, Any]:
    """The document, as JSON has it: numbers that are not defined are null.

    Args:
        comparison: What was found.
        origin: Where it is from.
        verdicts: What became of conditions.
    """
    agreed = comparison.agreement
    judged = comparison.judged
    document = {
        "kind": "comparison",
        "format_version": FORMAT_VERSION,
        "made": origin.made,
        "model": {"name": origin.model, "old": origin.versions[0], "new": origin.versions[1]},
        "options": origin.options,
        "annotations": None if judged is None else _annotations(judged, origin),
        "settings": {
            **asdict(comparison.settings),
            "resamples": origin.resamples,
            "seed": SEED,
            "level": LEVEL,
        },
        "warnings": list(comparison.notes),
        "failures": [asdict(one) for one in comparison.failures],
        "conditions": [_verdict(one) for one in verdicts],
        "values": {name: one.number for name, one in values(comparison).items()},
        "total": _group(agreed.total),
        "classes": _classes(agreed),
        "changes": _changes(agreed),
        "ap": {} if judged is None else _ap(judged.precision),
        "class_ap": [] if judged is None else _class_ap(judged),
        "curves": {} if judged is None else _curves(judged),
        "speed": {stage: _ratio(one) for stage, one in comparison.speed.items()},
        "times_s": {"old": origin.times_s[0], "new": origin.times_s[1]},
        "images": [_image(one) for one in comparison.images],
    }
    return dict(json_value(document))


def _annotations(judged: Judged, origin: Origin) -> dict[str, Any]:
    dataset, images = judged.old.dataset, judged.old.images
    old, new = origin.categories_by
    return {
        "file": dataset.path.name,
        "images": len(dataset.images),
        "objects": judged.old.confusion.total.objects,
        "crowds": sum(annotation.is_crowd for one in images for annotation in one.annotations),
        "categories_by": {"old": old, "new": new},
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "condition": str(one.condition),
        "value": one.value.number,
        "fails": one.fails,
        "message": one.sentence(),
        "meaning": one.condition.quantity.meaning,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        **asdict(group.counts),
        "agreement": group.counts.agreement,
        "overlap": {shape: one.of_overlaps() for shape, one in group.overlaps.items()},
        "score_shift": group.shifts.of_shifts(),
    }


def _classes(agreed: Agreement) -> list[dict[str, Any]]:
    return [
        {"kind": name.kind, "name": name.name, **_group(group)}
        for name, group in agreed.classes.items()
    ]


def _class_ap(judged: Judged) -> list[dict[str, Any]]:
    return [
        {
            "id": category.id,
            "name": category.name,
            "objects": judged.old.confusion.of(position).objects,
            "ap": {
                task: _change(found[category.id])
                for task, found in judged.precision.classes.items()
            },
        }
        for position, category in enumerate(judged.old.dataset.categories)
    ]


def _changes(agreed: Agreement) -> dict[str, Any]:
    several = len({name.kind for name in agreed.classes}) > 1
    return {
        "labels": [*(_label(name, several=several) for name in agreed.classes), NOTHING],
        "counts": agreed.changes.tolist(),
    }


def _label(name: ClassName, *, several: bool) -> str:
    return f"{name.name} ({name.kind})" if several else name.name


def _ap(precision: Precision) -> dict[str, Any]:
    return {
        task: {name: _change(one) for name, one in found.items()}
        for task, found in precision.metrics.items()
    }


def _change(one: Change) -> dict[str, float | None]:
    ends = one.interval
    return {
        "old": one.old,
        "new": one.new,
        "difference": one.difference,
        "low": None if ends is None else ends.low,
        "high": None if ends is None else ends.high,
    }


def _curves(judged: Judged) -> dict[str, Any]:
    """Precision over recall, the mean of the classes that have objects."""
    iou = judged.old.settings.iou
    return {
        "recall": RECALLS.tolist(),
        **{
            task: {
                "old": _mean_curve(judged.old.matches[task], iou),
                "new": _mean_curve(judged.new.matches[task], iou),
            }
            for task in judged.old.matches
            if task in judged.new.matches
        },
    }


def _mean_curve(matches: Matches, iou: float) -> list[float] | None:
    precision = precision_at_recalls(matches)[matches.threshold_index(iou)]
    defined = precision[:, ~np.isnan(precision).any(axis=0)]
    return defined.mean(axis=1).tolist() if defined.size else None


def _ratio(one: Ratio) -> dict[str, Any]:
    return {
        "images": one.images,
        "old_s": one.old_s,
        "new_s": one.new_s,
        "ratio": one.ratio,
        "low": one.interval.low,
        "high": one.interval.high,
    }


def _image(one: ComparedImage) -> dict[str, Any]:
    found = one.differences
    judged = (
        {}
        if one.judged is None
        else {
            "errors": {"old": one.judged[0].errors, "new": one.judged[1].errors},
            "objects": one.judged[0].objects,
        }
    )
    return {
        "name": one.name,
        "differences": found.count,
        "same": len(found.same),
        "changed": len(found.changed),
        "only_old": len(found.only_old),
        "only_new": len(found.only_new),
        "apart": found.size[1],
        "seconds": {"old": one.old_s, "new": one.new_s},
        **judged,
    }
