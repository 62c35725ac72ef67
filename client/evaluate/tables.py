"""An evaluation -> the tables of its page."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from client.evaluate.judging import Evaluation, JudgedImage
from client.evaluate.matches import TASKS
from client.evaluate.thresholds import DIGITS
from client.report.plots import Histogram
from client.report.sections import Column, Section, Table, Value

IMAGES = "images"
"""Name of the table that the confusion matrix filters."""

_MANY_ROWS = 12
_BARS = 24
_MOST_DIGITS = 20  # that browsers show
_STAGES = {"client": "the client's wait"}
_TIMES = {
    "mean": "mean",
    "p50": "50\u00a0%",
    "p90": "90\u00a0%",
    "p95": "95\u00a0%",
    "p99": "99\u00a0%",
    "longest": "longest",
}


def ap_table(document: Mapping[str, Any]) -> Table:
    """`COCOEvaluator`'s metrics."""
    names = ("AP", "AP50", "AP75", "APs", "APm", "APl")
    return Table(
        "Average precision",
        [Column("", "text"), *(Column(name, digits=2, bar=100) for name in names)],
        [[TASKS[task], *(ap.get(name) for name in names)] for task, ap in document["ap"].items()],
        lead="The metrics of Detectron2's COCOEvaluator, in percent.",
    )


def class_table(document: Mapping[str, Any]) -> Table:
    """What became of each class."""
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
        Column(
            "best threshold",
            digits=DIGITS,
            most_digits=_MOST_DIGITS,
            hint="score threshold at which F1 is best",
        ),
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
                best.get("rounded"),
                best.get("f1"),
            ]
        )
    lead = (
        f"{at_least(document)} The best threshold is the score at which F1 is highest, by "
        f"{document['settings']['pair_by']} as well."
    )
    return Table("Classes", columns, rows, lead=lead, search=len(rows) > _MANY_ROWS)


def image_table(evaluation: Evaluation, document: Mapping[str, Any]) -> Table:
    """All images, with the cells of the confusion matrix that they are in."""
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
        id=IMAGES,
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


def times(evaluation: Evaluation, document: Mapping[str, Any]) -> list[Section]:
    """How long images took: a table by stage, and how many took how long."""
    stages = document["times_s"]
    if not stages:
        return []
    waits = stages["client"]
    table = Table(
        "Time per image",
        [Column("milliseconds", "text"), *(Column(name, digits=1) for name in _TIMES.values())],
        [
            [_STAGES.get(stage, stage), *(1000 * found[name] for name in _TIMES)]
            for stage, found in stages.items()
        ],
        lead="The first row is what the caller waited, with the network, the server's queue and "
        f"repetitions; the others are stages on the server. {_under_way(document['workers'])}",
    )
    seconds = np.array([one.answer.seconds for one in evaluation.images])
    # A few that waited for a restart would squeeze all others into one bar.
    counts, edges = np.histogram(1000 * np.minimum(seconds, waits["p99"]), bins=_BARS)
    histogram = Histogram(
        "",
        "how many images took how long",
        "ms until the answer; the last bar has all that took longer",
        "images",
        edges.tolist(),
        counts.tolist(),
        [(1000 * waits[name], label) for name, label in (("p50", "half"), ("p95", "95\u00a0%"))],
    )
    return [table, histogram]


def _under_way(workers: int | None) -> str:
    if workers == 1:
        return "One request was under way at a time."
    if workers is None:
        return "Some are of an earlier run; where several requests were under way, they waited."
    return f"Up to {workers} requests were under way at a time, so it says little about one alone."


def at_least(document: Mapping[str, Any]) -> str:
    """Which detections and overlaps count, as a sentence."""
    settings = document["settings"]
    return (
        f"At score {settings['score']:g} or more and IoU {settings['iou']:g} or more of "
        f"{settings['pair_by']}."
    )
