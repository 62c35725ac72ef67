"""`report.json` of a comparison -> the tables of its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from client.compare.words import METRICS, SHAPES, STAGES, version_labels
from client.evaluate.matches import TASKS
from client.report.sections import Column, Section, Table, Value

IMAGES = "images"
"""Name of the table that the matrix filters."""

_MANY_ROWS = 12


def conditions(document: Mapping[str, Any]) -> list[Section]:
    """What became of `--fail-if`."""
    rows: list[list[Value]] = [
        [one["condition"], "fails" if one["fails"] else "passes", one["value"], one["meaning"]]
        for one in document["conditions"]
    ]
    columns = [
        Column("fails if", "text"),
        Column("", "text"),
        Column("is", digits=4),
        Column("what that is", "text"),
    ]
    return [Table("Conditions", columns, rows)] if rows else []


def precision(document: Mapping[str, Any]) -> list[Section]:
    """AP of both versions, with intervals of the differences."""
    if not document["ap"]:
        return []
    level = 100 * document["settings"]["level"]
    columns = [Column("", "text"), *_both(document, 2), *_difference(level, 2)]
    rows: list[list[Value]] = [
        [f"{name} {TASKS[task]}", *_change(found[name])]
        for task, found in document["ap"].items()
        for name in METRICS
        if name in found
    ]
    lead = (
        "The metrics of Detectron2's COCOEvaluator, in percent, on the same images. The interval "
        f"is where the difference lies in {level:.0f} of a hundred resamples of the images "
        f"({document['settings']['resamples']:,} resamples): where 0 is in it, other images might "
        "say the opposite. Sizes have none."
    )
    return [Table("Average precision", columns, rows, lead=lead), *_class_precision(document)]


def _class_precision(document: Mapping[str, Any]) -> list[Section]:
    classes, tasks = document["class_ap"], list(document["ap"])
    if len(classes) < 2:
        return []
    level = 100 * document["settings"]["level"]
    columns = [Column("class", "text"), Column("objects")]
    if len(tasks) > 1:
        columns.append(Column("of", "text"))
    columns += [*_both(document, 1), *_difference(level, 1)]
    rows: list[list[Value]] = [
        [
            one["name"],
            one["objects"],
            *([TASKS[task]] if len(tasks) > 1 else []),
            *_change(one["ap"][task]),
        ]
        for one in classes
        for task in tasks
    ]
    return [Table("AP by class", columns, rows, search=len(classes) > _MANY_ROWS)]


def _both(document: Mapping[str, Any], digits: int) -> list[Column]:
    return [Column(label, digits=digits, bar=100) for label in version_labels(document)]


def _difference(level: float, digits: int) -> list[Column]:
    return [
        Column("difference", digits=digits, hint="less than 0 is worse"),
        Column("from", digits=digits, hint=f"lower end of its {level:.0f} % interval"),
        Column("to", digits=digits, hint=f"upper end of its {level:.0f} % interval"),
    ]


def _change(one: Mapping[str, Any]) -> Sequence[Value]:
    return [one[name] for name in ("old", "new", "difference", "low", "high")]


def classes(document: Mapping[str, Any]) -> Table:
    """How far the versions agree on each class."""
    old, new = version_labels(document)
    kinds = {one["kind"] for one in document["classes"]}
    shapes = [shape for shape in SHAPES if shape in document["total"]["overlap"]]
    columns = [
        Column("class", "text"),
        *([Column("of", "text")] if len(kinds) > 1 else []),
        Column(old, hint=f"detections of {old} that count"),
        Column(new, hint=f"detections of {new} that count"),
        Column("agreement", digits=3, bar=1, hint="share of both that is found again"),
        Column("changed", hint=f"takes {new} for another class"),
        Column(f"only {old}", hint=f"where {new} finds nothing"),
        Column(f"only {new}", hint=f"where {old} finds nothing"),
        *(Column(f"{SHAPES[shape]}", digits=3, bar=1, hint="median") for shape in shapes),
        Column("score shift", digits=3, hint="median; above 0 the new version is surer"),
        Column("largest", digits=3, hint="size of the largest shift of a score"),
    ]
    groups = [*document["classes"]]
    if len(groups) > 1:
        groups.append({"kind": "", "name": "all", **document["total"]})
    rows: list[list[Value]] = [
        [
            one["name"],
            *([one["kind"]] if len(kinds) > 1 else []),
            *(one[name] for name in ("old", "new", "agreement", "changed", "only_old", "only_new")),
            *(one["overlap"].get(shape, {}).get("median") for shape in shapes),
            one["score_shift"]["median"],
            one["score_shift"]["largest_size"],
        ]
        for one in groups
    ]
    return Table(
        "Agreement by class", columns, rows, lead=at_least(document), search=len(rows) > _MANY_ROWS
    )


def at_least(document: Mapping[str, Any]) -> str:
    """Which detections count, and which are the same, as a sentence."""
    settings = document["settings"]
    return (
        f"Detections of score {settings['score']:g} or more count; those that overlap by "
        f"{settings['iou']:g} or more are the same, whatever the score of the other."
    )


def images(document: Mapping[str, Any], cells: Sequence[Sequence[tuple[int, int]]]) -> Table:
    """All images, with the cells of the matrix that they are in.

    Args:
        document: Of the comparison.
        cells: Of each image.
    """
    old, new = version_labels(document)
    side = len(document["changes"]["labels"])
    is_judged = document["annotations"] is not None
    columns = [
        Column("image", "image"),
        Column("differ", hint="objects of another class, and those that only one version says"),
        Column("same"),
        Column("changed", hint="objects that are taken for another class"),
        Column(f"only {old}"),
        Column(f"only {new}"),
        Column("apart", digits=2, hint="of the same objects, how far boxes, masks, scores differ"),
        *([Column(f"errors {old}"), Column(f"errors {new}")] if is_judged else []),
        Column(f"{old} ms"),
        Column(f"{new} ms"),
    ]
    rows: list[list[Value]] = [
        [
            *(one[n] for n in ("name", "differences", "same", "changed", "only_old", "only_new")),
            round(one["apart"], 4),
            *([one["errors"]["old"], one["errors"]["new"]] if is_judged else []),
            round(1000 * one["seconds"]["old"]),
            round(1000 * one["seconds"]["new"]),
        ]
        for one in document["images"]
    ]
    tags = [sorted({row * side + column for row, column in of_image}) for of_image in cells]
    return Table("All images", columns, rows, id=IMAGES, tags=tags, search=True, sort=1)


def speed(document: Mapping[str, Any]) -> Table:
    """How long both take, by stage."""
    level = 100 * document["settings"]["level"]
    columns = [
        Column("median ms per image", "text"),
        *(Column(label, digits=2) for label in version_labels(document)),
        Column("times as long", digits=3, hint="median of the ratios of each image"),
        Column("from", digits=3, hint=f"lower end of its {level:.0f} % interval"),
        Column("to", digits=3, hint=f"upper end of its {level:.0f} % interval"),
    ]
    rows: list[list[Value]] = [
        [
            STAGES.get(stage, stage),
            1000 * one["old_s"],
            1000 * one["new_s"],
            *(one[name] for name in ("ratio", "low", "high")),
        ]
        for stage, one in document["speed"].items()
    ]
    return Table(
        "Speed",
        columns,
        rows,
        lead="Both were asked about each image one after another, and each was the first as often. "
        "The caller's wait has the network, the server's queue and repetitions in it.",
    )
