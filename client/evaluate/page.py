"""An evaluation -> the sections of its page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from client.evaluate.dataset import ImageEntry
from client.evaluate.gallery import LEGEND, pictures
from client.evaluate.judging import Evaluation, JudgedImage
from client.evaluate.matches import Task
from client.report.page import Page
from client.report.sections import (
    Column,
    Figure,
    Figures,
    Gallery,
    Histogram,
    Matrix,
    Notes,
    Plot,
    Plots,
    Section,
    Series,
    Table,
    Text,
    Value,
)
from client.wording import many

TASKS: dict[Task, str] = {"bbox": "boxes", "segm": "masks", "keypoints": "keypoints"}
ALL_CLASSES = "all classes"

_IMAGES = "images"
_BARS = 24
_NOTHING = "\u2013"
_STAGES = {"client": "the client's wait"}


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
        _ap_table(document),
        _class_table(document),
        _plots(document),
        _matrix(document),
        *_gallery(evaluation, files, gallery),
        _image_table(evaluation, document),
        *_times(evaluation, document),
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
    at = f"score {settings['score']:g}, IoU {settings['iou']:g}"
    found += [
        Figure(percent(total["precision"]), "precision", at),
        Figure(percent(total["recall"]), "recall", at),
    ]
    best = total["best_threshold"]
    if best:
        found.append(Figure(f"{best['score']:.3f}", "best score threshold", f"F1 {best['f1']:.3f}"))
    times = document["times_s"].get("client")
    if times:
        hint = f"95 % within {1000 * times['p95']:,.0f} ms"
        found.append(Figure(f"{1000 * times['p50']:,.0f} ms", "time per image, median", hint))
    return Figures(found)


def _notes(document: Mapping[str, Any]) -> list[Section]:
    failures = [f"{one['image']}: {one['message']}" for one in document["failures"]]
    sections: list[Section] = []
    if failures:
        title = f"Left out of all numbers: {many(len(failures), 'image')}"
        more = [f"and {len(failures) - 20} more, in report.json"] if len(failures) > 20 else []
        sections.append(Notes(title, failures[:20] + more))
    if document["warnings"]:
        sections.append(Notes("Before you believe the numbers", document["warnings"]))
    return sections


def _ap_table(document: Mapping[str, Any]) -> Table:
    names = ("AP", "AP50", "AP75", "APs", "APm", "APl")
    return Table(
        "Average precision",
        [Column("", "text"), *(Column(name, digits=2, bar=100) for name in names)],
        [[TASKS[task], *(ap.get(name) for name in names)] for task, ap in document["ap"].items()],
        lead="The metrics of Detectron2's COCOEvaluator, in percent.",
    )


def _class_table(document: Mapping[str, Any]) -> Table:
    tasks = list(document["ap"])
    columns = [
        Column("class", "text"),
        Column("objects"),
        *(Column(f"AP {TASKS[task]}", digits=1, bar=100) for task in tasks),
        Column("precision", digits=3, bar=1, hint="share of the detections that are right"),
        Column("recall", digits=3, bar=1, hint="share of the objects that are found"),
        Column("missed", hint="objects that were not detected"),
        Column("confused", hint="objects that were taken for another class"),
        Column("false alarms", hint="detections where no object is"),
        Column("wrong class", hint="detections where an object of another class is"),
        Column("best threshold", digits=3, hint="score threshold at which F1 is best"),
        Column("F1 there", digits=3, bar=1),
    ]
    names = ("precision", "recall", "missed", "confused", "false_alarms", "wrong")
    rows: list[list[Value]] = []
    for one in document["classes"]:
        best = one["best_threshold"] or {}
        rows.append(
            [
                one["name"],
                one["objects"],
                *(one["ap"][task] for task in tasks),
                *(one[name] for name in names),
                best.get("score"),
                best.get("f1"),
            ]
        )
    return Table("Classes", columns, rows, lead=_at(document), search=len(rows) > 12)


def _plots(document: Mapping[str, Any]) -> Plots:
    curves, classes = document["curves"], document["classes"]
    thresholds = {one["name"]: one["best_threshold"] for one in classes}
    precision = [Series(one["name"], one["precision"]) for one in curves["classes"]]
    f1 = [
        Series(one["name"], one["f1"], _mark(thresholds[one["name"]], curves["score"], one["f1"]))
        for one in curves["classes"]
        if one["f1"] is not None
    ]
    main = ""
    if len(classes) > 1:
        main = ALL_CLASSES
        precision.append(Series(main, _mean([one.y for one in precision])))
        f1.append(Series(main, _mean([one.y for one in f1])))
    iou = f"{document['settings']['iou']:g}"
    return Plots(
        "Precision and recall",
        [
            Plot(f"Boxes at IoU {iou}", "recall", "precision", curves["recall"], precision),
            Plot("F1 by score threshold", "score", "F1", curves["score"], f1),
        ],
        lead="Precision as COCO interpolates it: the best at that recall or a higher one. The ring "
        "is the best threshold of a class. The line of all classes is their mean.",
        main=main,
    )


def _mark(
    best: Mapping[str, float] | None, scores: Sequence[float], f1: Sequence[float]
) -> tuple[float, float] | None:
    """Where the best threshold is on the line, which may run below a peak between its points."""
    return (best["score"], float(np.interp(best["score"], scores, f1))) if best else None


def _mean(lines: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Of the classes that have objects."""
    values = np.array([line for line in lines if None not in line], dtype=np.float64)
    return [None] * len(lines[0]) if not values.size else values.mean(axis=0).tolist()


def _matrix(document: Mapping[str, Any]) -> Matrix:
    confusion = document["confusion"]
    return Matrix(
        "Confusion matrix",
        confusion["labels"],
        confusion["counts"],
        "truth",
        "prediction",
        lead=f"{_at(document)} The last column has objects that were missed, the last row false "
        "alarms. A click on a cell shows its images in the table below.",
        filters=_IMAGES,
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


def _image_table(evaluation: Evaluation, document: Mapping[str, Any]) -> Table:
    side = len(document["confusion"]["labels"])
    columns = [
        Column("image", "image"),
        Column("errors", hint="missed, confused and false alarms"),
        Column("objects"),
        Column("found"),
        Column("missed"),
        Column("confused"),
        Column("false alarms"),
        Column("ms", hint="from the request to the answer"),
    ]
    return Table(
        "All images",
        columns,
        [_image_row(one) for one in evaluation.images],
        id=_IMAGES,
        tags=[
            sorted({row * side + column for row, column in one.cells}) for one in evaluation.images
        ],
        search=True,
        sort=1,
    )


def _image_row(one: JudgedImage) -> list[Value]:
    return [
        one.image.file_name,
        one.errors,
        one.objects,
        one.found,
        one.missed,
        one.confused,
        one.false_alarms,
        round(1000 * one.answer.seconds),
    ]


def _times(evaluation: Evaluation, document: Mapping[str, Any]) -> list[Section]:
    times = document["times_s"]
    if not times:
        return []
    names = ("mean", "p50", "p90", "p95", "p99", "longest")
    seconds = np.array([one.answer.seconds for one in evaluation.images])
    # A few that waited for a restart would squeeze all others into one bar.
    counts, edges = np.histogram(1000 * np.minimum(seconds, times["client"]["p99"]), bins=_BARS)
    return [
        Table(
            "Time per image",
            [
                Column("milliseconds", "text"),
                *(
                    Column(
                        name.replace("p", "", 1) + " %" if name[1:].isdigit() else name, digits=1
                    )
                    for name in names
                ),
            ],
            [
                [_STAGES.get(stage, stage), *(1000 * found[name] for name in names)]
                for stage, found in times.items()
            ],
            lead="The first row is what the caller waited, with the network, the server's queue "
            "and repetitions; the others are stages on the server. Several requests were under way "
            "at a time, so it says little about one alone.",
        ),
        Histogram(
            "",
            "how many images took how long",
            "ms until the answer",
            "images",
            edges.tolist(),
            counts.tolist(),
            [
                (1000 * times["client"][name], label)
                for name, label in (("p50", "half"), ("p95", "95 %"))
            ],
        ),
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
                f"{_at(document)} In an image, pairs of an object and a detection of its class are "
                f"taken first, the largest overlap of {by} first, then pairs of different classes. "
                "What is left are misses and false alarms. Detections in a crowd of their class "
                "count as nothing.",
            ),
            (
                "best threshold",
                "The least score at which F1, the harmonic mean of precision and recall, is "
                "highest; by AP's matching, of boxes.",
            ),
            ("categories", f"Found by {document['annotations']['categories_by']}."),
        ],
    )


def _at(document: Mapping[str, Any]) -> str:
    settings = document["settings"]
    return f"At score {settings['score']:g} or more and IoU {settings['iou']:g} or more."


def number(value: float | None) -> str:
    """One decimal, as AP is read."""
    return _NOTHING if value is None else f"{value:.1f}"


def percent(share: float | None) -> str:
    """A share in percent."""
    return _NOTHING if share is None else f"{100 * share:.1f} %"
