"""A comparison -> the sections of its page."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from client.answers.times import CLIENT
from client.compare import histograms, tables
from client.compare.comparison import Comparison
from client.compare.gallery import legend, pictures
from client.compare.words import SHAPES, version_labels, what_differs
from client.evaluate.matches import TASKS, overlap_name
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

_NOTHING = "\u2013"
_SHOWN_FAILURES = 20


def page(
    comparison: Comparison,
    document: Mapping[str, Any],
    answers: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    files: Mapping[str, Path],
) -> Page:
    """The page of a comparison.

    Args:
        comparison: What was found.
        document: The same as `report.json` has it.
        answers: Both answers, in the `native` format, about the images of the gallery, by name.
        files: Of the images, likewise.
    """
    old, new = version_labels(document)
    annotations = document["annotations"]
    sections = [
        _figures(document),
        *_failing(document),
        *_notes(document),
        *tables.conditions(document),
        *tables.precision(document),
        tables.classes(document),
        _matrix(document),
        *_gallery(comparison, document, answers, files),
        *histograms.apart(comparison),
        *_curves(document),
        tables.images(document, comparison.agreement.cells),
        tables.speed(document),
        histograms.ratios(comparison, document),
        _explanation(document),
    ]
    when = datetime.fromisoformat(document["made"])
    of_file = f" of {annotations['file']}" if annotations else ""
    lead = (
        f"{many(len(document['images']), 'image')}{of_file}. Compared {when.day} "
        f"{when:%B %Y, %H:%M}"
    )
    return Page(f"{document['model']['name']} {new} beside {old}", lead, sections)


def _figures(document: Mapping[str, Any]) -> Figures:
    total, speed = document["total"], document["speed"]
    found = [
        Figure(
            _signed(of_task["AP"]["difference"]),
            f"AP {TASKS[task]}",
            f"{_number(of_task['AP']['old'])} \u2192 {_number(of_task['AP']['new'])} "
            f"({_signed(of_task['AP']['low'])} to {_signed(of_task['AP']['high'])})",
        )
        for task, of_task in document["ap"].items()
    ]
    differing = total["changed"] + total["only_old"] + total["only_new"]
    found.append(
        Figure(_percent(total["agreement"]), "agreement", f"{many(differing, 'object')} differ")
    )
    found += [
        Figure(f"{one['median']:.3f}", f"median {SHAPES[shape]}", f"5 % below {one['p5']:.3f}")
        for shape, one in total["overlap"].items()
    ]
    shift = total["score_shift"]
    if shift["count"]:
        hint = f"largest {shift['largest_size']:.3f}"
        found.append(Figure(_signed(shift["median"], 3), "score shift", hint))
    wait = speed[CLIENT]
    if wait["ratio"] is not None:
        hint = f"{wait['low']:.2f} to {wait['high']:.2f}"
        found.append(Figure(f"{wait['ratio']:.2f} \u00d7", "as long", hint))
    return Figures(found)


def _failing(document: Mapping[str, Any]) -> list[Section]:
    failing = [one["message"] for one in document["conditions"] if one["fails"]]
    return [Notes(f"Fails {many(len(failing), 'condition')}", failing)] if failing else []


def _notes(document: Mapping[str, Any]) -> list[Section]:
    old, new = version_labels(document)
    sides = {"old": f"{old}: ", "new": f"{new}: ", None: ""}
    failures = [
        f"{one['image']}: {sides[one['version']]}{one['message']}" for one in document["failures"]
    ]
    sections: list[Section] = []
    if failures:
        count = len({one["image"] for one in document["failures"]})
        left = len(failures) - _SHOWN_FAILURES
        more = [f"and {left} more, in report.json"] if left > 0 else []
        title = f"Left out of all numbers: {many(count, 'image')}"
        sections.append(Notes(title, failures[:_SHOWN_FAILURES] + more))
    if document["warnings"]:
        sections.append(Notes("Before you believe the numbers", document["warnings"]))
    return sections


def _curves(document: Mapping[str, Any]) -> list[Section]:
    curves, iou = document["curves"], document["settings"]["iou"]
    plots = [
        Plot(
            f"{TASKS[task].capitalize()} at {overlap_name(task)} {iou:g}",
            "recall",
            "precision",
            curves["recall"],
            [
                Series(label, curves[task][side])
                for label, side in zip(version_labels(document), ("old", "new"), strict=True)
            ],
        )
        for task in document["ap"]
        if task in curves and None not in (curves[task]["old"], curves[task]["new"])
    ]
    lead = "Precision as COCO interpolates it; the mean of the classes that have objects."
    return [Plots("Precision and recall", plots, lead=lead)] if plots else []


def _matrix(document: Mapping[str, Any]) -> Matrix:
    old, new = version_labels(document)
    return Matrix(
        "What becomes of what",
        document["changes"]["labels"],
        nonzero(document["changes"]["counts"]),
        old,
        new,
        lead=f"Each object once, by what {old} (row) and {new} (column) take it for: for nothing "
        "where they do not find it. A click on a number shows its images in the table below.",
        filters=tables.IMAGES,
    )


def _gallery(
    comparison: Comparison,
    document: Mapping[str, Any],
    answers: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]],
    files: Mapping[str, Path],
) -> list[Section]:
    labels = version_labels(document)
    captions = {one["name"]: what_differs(one, labels) for one in document["images"]}
    found = pictures(comparison, answers, files, labels, captions)
    if not found:
        return []
    looks = {shape.look for one in found for panel in one.panels for shape in panel.shapes}
    truth = " In the truth, colours say which of the versions finds an object."
    return [
        Gallery(
            "Where they differ most",
            found,
            [one for one in legend(labels) if one[0] in looks],
            lead="The images with most objects that only one version finds or that they take for "
            "different classes, then those whose boxes, masks and scores are furthest apart."
            + (truth if comparison.judged else ""),
        )
    ]


def _explanation(document: Mapping[str, Any]) -> Text:
    settings = document["settings"]
    entries = [
        (
            "the same object",
            f"{tables.at_least(document)} Pairs of one class are taken first, the most alike "
            "first, then pairs of different classes, of which both have to count. How alike two "
            "are is the least of all that the model says of them: boxes, rotated boxes, masks, "
            "keypoints.",
        ),
        (
            "agreement",
            "Of the detections of both versions, the share that the other one finds as well, as "
            "the same class. It is what a rollout looks at.",
        ),
        ("score shift", "The new score without the old one, of what both find as one class."),
    ]
    if document["annotations"]:
        by = document["annotations"]["categories_by"]
        ways = dict.fromkeys(by.values())
        entries += [
            (
                "average precision",
                "pycocotools matches detections and objects of one class, at ten IoU thresholds "
                f"from 0.5 to 0.95; the best {settings['max_detections']} detections of an image "
                "and class count.",
            ),
            (
                "interval",
                f"From {settings['resamples']:,} resamples of the images, the same for both "
                "versions; an image that is drawn twice counts twice.",
            ),
            ("errors", "Objects missed or taken for another class, and false alarms."),
            ("categories", f"Found by {' and '.join(ways)}."),
        ]
    return Text("How it was compared", entries)


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _signed(value: float | None, digits: int = 1) -> str:
    return _NOTHING if value is None else f"{value:+.{digits}f}".replace("-", "\u2212")


def _percent(share: float | None) -> str:
    return _NOTHING if share is None else f"{100 * share:.1f} %"
