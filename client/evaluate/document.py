"""An evaluation -> `report.json`; docs/evaluation.md describes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from client.evaluate.confusion import Counts
from client.evaluate.judging import Evaluation, JudgedImage
from client.evaluate.matches import Matches
from client.evaluate.precision import RECALLS, precision_at_recalls
from client.evaluate.thresholds import SCORES, ScoreCurve, class_curves, overall_curve
from client.report.json_values import json_value

FORMAT_VERSION = 2
BACKGROUND = "background"


@dataclass(frozen=True)
class Origin:
    """Where an evaluation is from.

    Attributes:
        model: Name of the model.
        version: Its version.
        made: When, as ISO 8601.
        options: Of every request, without those that are left to the server.
        categories_by: How categories of classes were found.
        times_s: Of `client.answers.times.Times`.
        workers: How many requests at a time; None where an earlier run has asked about some images.
    """

    model: str
    version: str
    made: str
    options: Mapping[str, Any]
    categories_by: str
    times_s: Mapping[str, Mapping[str, float]]
    workers: int | None = None


def report(evaluation: Evaluation, origin: Origin) -> dict[str, Any]:
    """The document, as JSON has it: numbers that are not defined are null.

    Args:
        evaluation: What was found.
        origin: Where it is from.
    """
    dataset, settings = evaluation.dataset, evaluation.settings
    total = evaluation.confusion.total
    document = {
        "kind": "evaluation",
        "format_version": FORMAT_VERSION,
        "made": origin.made,
        "model": {"name": origin.model, "version": origin.version},
        "options": origin.options,
        "annotations": {
            "file": dataset.path.name,
            "images": len(dataset.images),
            "judged_images": len(evaluation.images),
            "objects": total.objects,
            "crowds": sum(
                annotation.is_crowd for one in evaluation.images for annotation in one.annotations
            ),
            "categories_by": origin.categories_by,
        },
        "settings": asdict(settings),
        "warnings": list(evaluation.notes),
        "failures": [
            {"image": one.image.file_name, "type": one.type, "message": one.message}
            for one in evaluation.failures
        ],
        "ap": evaluation.ap,
        "total": _total(evaluation),
        "classes": classes(evaluation),
        "confusion": {
            "labels": [*(one.name for one in dataset.categories), BACKGROUND],
            "counts": evaluation.confusion.counts.tolist(),
        },
        "curves": _curves(evaluation),
        "times_s": origin.times_s,
        "workers": origin.workers,
        "images": [_image(one) for one in evaluation.images],
    }
    return dict(json_value(document))


def classes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """What became of each class, in the order of the categories.

    Args:
        evaluation: What was found.
    """
    curves = class_curves(evaluation.matches[evaluation.paired_task], evaluation.settings.iou)
    return [
        {
            "id": category.id,
            "name": category.name,
            "ap": {task: found[category.id] for task, found in evaluation.class_ap.items()},
            **_counts(evaluation.confusion.of(position)),
            "best_threshold": _best(curves[category.id]),
        }
        for position, category in enumerate(evaluation.dataset.categories)
    ]


def _total(evaluation: Evaluation) -> dict[str, Any]:
    paired = evaluation.matches[evaluation.paired_task]
    return {
        **_counts(evaluation.confusion.total),
        "best_threshold": _best(overall_curve(paired, evaluation.settings.iou)),
    }


def _counts(found: Counts) -> dict[str, Any]:
    return {
        **asdict(found),
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
    }


def _best(curve: ScoreCurve | None) -> dict[str, float] | None:
    best = curve and curve.best()
    return asdict(best) if best else None


def _curves(evaluation: Evaluation) -> dict[str, Any]:
    """Precision over recall, and F1 over the score, of each task."""
    return {
        "recall": RECALLS.tolist(),
        "score": SCORES.tolist(),
        **{task: _task_curves(evaluation, found) for task, found in evaluation.matches.items()},
    }


def _task_curves(evaluation: Evaluation, matches: Matches) -> list[dict[str, Any]]:
    iou = evaluation.settings.iou
    precision = precision_at_recalls(matches)[matches.threshold_index(iou)]
    curves = class_curves(matches, iou)
    return [
        {
            "name": category.name,
            "precision": precision[:, position].tolist(),
            "f1": None if curve is None else curve.f1_at().tolist(),
            "best_threshold": _best(curve),
        }
        for position, category in enumerate(evaluation.dataset.categories)
        for curve in [curves[category.id]]
    ]


def _image(one: JudgedImage) -> dict[str, Any]:
    return {
        "id": one.image.id,
        "file_name": one.image.file_name,
        "objects": one.objects,
        "found": one.found,
        "confused": one.confused,
        "missed": one.missed,
        "false_alarms": one.false_alarms,
        "seconds": one.answer.seconds,
    }
