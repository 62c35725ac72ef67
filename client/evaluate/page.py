"""An evaluation -> the sections of its page."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from client.evaluate.dataset import ImageEntry
from client.evaluate.gallery import LEGEND, pictures
from client.evaluate.judging import Evaluation
from client.evaluate.matches import TASKS, Task, overlap_name
from client.evaluate.tables import (
    IMAGES,
    ap_table,
    at_least,
    class_table,
    image_table,
    times,
)
from client.evaluate.thresholds import threshold_text
from client.report.page import Page
from client.report.plots import Plot, Plots, Series
from client.report.sections import (
    Figure,
    Figures,
    Gallery,
    Matrix,
    Notes,
    Section,
    Text,
    nonzero,
)
from client.wording import many

ALL_CLASSES = "all classes"

_NOTHING = "\u2013"
_SHOWN_FAILURES = 20


def page(
    evaluation: Evaluation,
    document: Mapping[str, Any],
    files: Mapping[ImageEntry, Path],
    *,
    gallery: int,
) -> Page:
    """The page of an evaluation.

    Args:
        evaluation: What was found.
        document: The same as `report.json` has it.
        files: Of the images, for the pictures.
        gallery: How many pictures at most.
    """
    model, annotations = document["model"], document["annotations"]
    sections = [
        _figures(document),
        *_notes(document),
        ap_table(document),
        class_table(document),
        *_plots(document),
        _matrix(document),
        *_gallery(evaluation, files, gallery),
        image_table(evaluation, document),
        *times(evaluation, document),
        _explanation(document),
    ]
    when = datetime.fromisoformat(document["made"])
    lead = (
        f"{annotations['file']}: {many(annotations['judged_images'], 'image')}, "
        f"{many(annotations['objects'], 'object')}. Judged {when.day} {when:%B %Y, %H:%M}"
    )
    return Page(f"{model['name']} {model['version']}", lead, sections)


def _figures(document: Mapping[str, Any]) -> Figures:
    total, settings = document["total"], document["settings"]
    found = [
        Figure(number(ap["AP"]), f"AP {TASKS[task]}", f"AP50 {number(ap['AP50'])}")
        for task, ap in document["ap"].items()
    ]
    at = f"score {settings['score']:g}, IoU {settings['iou']:g} of {settings['pair_by']}"
    found += [
        Figure(percent(total["precision"]), "precision", at),
        Figure(percent(total["recall"]), "recall", at),
    ]
    best = total["best_threshold"]
    if best:
        hint = f"F1 {best['f1']:.3f} of {settings['pair_by']}"
        found.append(Figure(threshold_text(best["rounded"]), "best threshold", hint))
    waits = document["times_s"].get("client")
    if waits:
        hint = f"95 % within {1000 * waits['p95']:,.0f} ms"
        found.append(Figure(f"{1000 * waits['p50']:,.0f} ms", "median time", hint))
    return Figures(found)


def _notes(document: Mapping[str, Any]) -> list[Section]:
    failures = [f"{one['image']}: {one['message']}" for one in document["failures"]]
    sections: list[Section] = []
    if failures:
        title = f"Left out of all numbers: {many(len(failures), 'image')}"
        left = len(failures) - _SHOWN_FAILURES
        more = [f"and {left} more, in report.json"] if left > 0 else []
        sections.append(Notes(title, failures[:_SHOWN_FAILURES] + more))
    if document["warnings"]:
        sections.append(Notes("Before you believe the numbers", document["warnings"]))
    return sections


def _plots(document: Mapping[str, Any]) -> list[Section]:
    """Curves of every task; the one that the best thresholds are of is seen first."""
    counts = {task: _curve_count(document, task) for task in document["ap"]}
    by = document["settings"]["pair_by"]
    tasks = sorted(
        (task for task, count in counts.items() if count), key=lambda task: TASKS[task] != by
    )
    if not tasks:
        return []
    main = ALL_CLASSES if max(counts.values()) > 1 else ""
    plots = Plots(
        "Precision and recall",
        [plot for task in tasks for plot in _task_plots(document, task, main)],
        lead="Precision as COCO interpolates it: the best at that recall or a higher one. The ring "
        f"is the best threshold of a class.{' The thick line is their mean.' if main else ''}",
        main=main,
    )
    return [plots]


def _curve_count(document: Mapping[str, Any], task: str) -> int:
    """How many classes have objects that count, and so a curve."""
    return sum(one["f1"] is not None for one in document["curves"][task])


def _task_plots(document: Mapping[str, Any], task: Task, main: str) -> Iterable[Plot]:
    curves = document["curves"]
    precision = [Series(one["name"], one["precision"]) for one in curves[task]]
    f1 = [
        Series(one["name"], one["f1"], _mark(one["best_threshold"], curves["score"], one["f1"]))
        for one in curves[task]
        if one["f1"] is not None
    ]
    if main:
        precision.append(Series(main, _mean([one.y for one in precision])))
        f1.append(Series(main, _mean([one.y for one in f1])))
    what = TASKS[task]
    at = f"at {overlap_name(task)} {document['settings']['iou']:g}"
    yield Plot(
        f"{what.capitalize()} {at}", "recall", "precision", curves["recall"], precision, what
    )
    yield Plot(f"F1 of {what} {at}", "score threshold", "F1", curves["score"], f1, what)


def _mark(
    best: Mapping[str, float] | None, scores: Sequence[float], f1: Sequence[float]
) -> tuple[float, float] | None:
    """Where the best threshold is on the line, which may run below a peak between its points."""
    return (best["score"], float(np.interp(best["score"], scores, f1))) if best else None


def _mean(lines: Sequence[Sequence[float | None]]) -> list[float]:
    """Of the classes that have objects, one at least."""
    values = np.array([line for line in lines if None not in line], dtype=np.float64)
    return list(values.mean(axis=0).tolist())


def _matrix(document: Mapping[str, Any]) -> Matrix:
    confusion = document["confusion"]
    return Matrix(
        "Confusion matrix",
        confusion["labels"],
        nonzero(confusion["counts"]),
        "truth",
        "prediction",
        lead=f"{at_least(document)} Objects that are taken for the background were missed, what "
        "the background is taken for are false alarms. A click on a number shows its images in "
        "the table below.",
        filters=IMAGES,
    )


def _gallery(evaluation: Evaluation, files: Mapping[ImageEntry, Path], count: int) -> list[Section]:
    found = pictures(evaluation, files, count)
    if not found:
        return []
    looks = {shape.look for one in found for panel in one.panels for shape in panel.shapes}
    return [
        Gallery(
            "Worst images",
            found,
            [one for one in LEGEND if one[0] in looks],
            lead="The images with most errors: objects missed or taken for another class, and "
            "false alarms.",
        )
    ]


def _explanation(document: Mapping[str, Any]) -> Text:
    settings = document["settings"]
    limit, by = settings["max_detections"], settings["pair_by"]
    return Text(
        "How it was judged",
        [
            (
                "average precision",
                "pycocotools matches detections and objects of one class, at ten IoU thresholds "
                f"from 0.5 to 0.95; the best {limit} detections of an image and class count. Small "
                "is below 32 x 32 pixels of area, large above 96 x 96.",
            ),
            (
                "everything else",
                f"{at_least(document)} In an image, pairs of an object and a detection of its "
                f"class are taken first, the largest overlap of {by} first, then pairs of "
                "different classes. What is left are misses and false alarms. Detections in a "
                "crowd of their class count as nothing.",
            ),
            (
                "best threshold",
                "The least score at which F1, the harmonic mean of precision and recall, is "
                f"highest, rounded down so that it accepts the same detections; by AP's matching, "
                f"of {by}.",
            ),
            ("categories", f"Found by {document['annotations']['categories_by']}."),
        ],
    )


def number(value: float | None) -> str:
    """One decimal, as AP is read."""
    return _NOTHING if value is None else f"{value:.1f}"


def percent(share: float | None) -> str:
    """A share in percent."""
    return _NOTHING if share is None else f"{100 * share:.1f} %"
