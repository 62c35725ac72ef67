"""`report.json` of a comparison -> text for a terminal."""

from collections.abc import Mapping
from typing import Any

from client.compare.words import METRICS, SHAPES, STAGES, version_labels, what_differs
from client.evaluate.matches import TASKS
from client.text_table import decimal, text_table
from client.wording import many

_SHOWN_IMAGES = 5


def summary(document: Mapping[str, Any]) -> str:
    """What matters most, as lines.

    Args:
        document: Of `client.compare.document.report`.
    """
    model, annotations = document["model"], document["annotations"]
    of_file = f" of {annotations['file']}" if annotations else ""
    parts = [
        f"{model['name']} {model['new']} beside {model['old']}, on "
        f"{many(len(document['images']), 'image')}{of_file}",
        _precision(document),
        _agreement(document),
        _classes(document),
        _speed(document),
        _images(document),
        _conditions(document),
    ]
    return "\n\n".join(part for part in parts if part)


def _precision(document: Mapping[str, Any]) -> str:
    if not document["ap"]:
        return ""
    rows = [
        [f"{name} {TASKS[task]}", *(decimal(one[side], 2) for side in ("old", "new")), *_ends(one)]
        for task, found in document["ap"].items()
        for name in METRICS
        if name in found
        for one in [found[name]]
        if one["old"] is not None
    ]
    return text_table(["AP in percent", *version_labels(document), *_interval(document)], rows)


def _interval(document: Mapping[str, Any]) -> list[str]:
    return ["difference", "from", f"to ({100 * document['settings']['level']:.0f} %)"]


def _ends(one: Mapping[str, Any]) -> list[str]:
    return [decimal(one[name], 2, sign=True) for name in ("difference", "low", "high")]


def _agreement(document: Mapping[str, Any]) -> str:
    total, settings = document["total"], document["settings"]
    old, new = version_labels(document)
    agreement = total["agreement"]
    lines = [
        f"Agreement {'-' if agreement is None else f'{agreement:.1%}'}: "
        f"{total['found_again']} of {old}'s {total['old']} detections are found again, "
        f"{total['found_before']} of {new}'s {total['new']} were found before (score "
        f"{settings['score']:g}, overlap {settings['iou']:g} or more); {total['changed']} changed "
        f"class, {total['only_old']} only in {old}, {total['only_new']} only in {new}"
    ]
    for shape, one in total["overlap"].items():
        lines.append(
            f"  {SHAPES[shape]}: median {one['median']:.4f}, 5 % below {one['p5']:.4f}, lowest "
            f"{one['lowest']:.4f}"
        )
    shift = total["score_shift"]
    if shift["count"]:
        lines.append(
            f"  shift of scores: median {shift['median']:+.4f}, nine of ten from "
            f"{shift['p5']:+.4f} to {shift['p95']:+.4f}, largest {shift['largest_size']:.4f}"
        )
    return "\n".join(lines)


def _classes(document: Mapping[str, Any]) -> str:
    classes = document["classes"]
    if len(classes) < 2:
        return ""
    old, new = version_labels(document)
    head = ["class", old, new, "again", "before", "changed", f"only {old}", f"only {new}"]
    names = ("old", "new", "found_again", "found_before", "changed", "only_old", "only_new")
    rows = [
        [
            one["name"],
            *(one[name] for name in names),
            decimal(one["score_shift"]["median"], 3, sign=True),
        ]
        for one in classes
    ]
    return text_table([*head, "score shift"], rows)


def _speed(document: Mapping[str, Any]) -> str:
    rows = [
        [
            STAGES.get(stage, stage),
            *(decimal(1000 * one[side], 1) for side in ("old_s", "new_s")),
            *(decimal(one[name], 3) for name in ("ratio", "low", "high")),
        ]
        for stage, one in document["speed"].items()
    ]
    head = ["median ms per image", *version_labels(document), "times", *_interval(document)[1:]]
    return text_table(head, rows)


def _images(document: Mapping[str, Any]) -> str:
    labels = version_labels(document)
    different = [one for one in document["images"] if one["differences"] or one["apart"]]
    if not different:
        return "No image on which the answers differ."
    different.sort(key=lambda one: (one["differences"], one["apart"]), reverse=True)
    lines = [f"Answers differ most on, of {many(len(different), 'image')} on which they differ:"]
    return "\n".join(
        lines
        + [f"  {one['name']}: {what_differs(one, labels)}" for one in different[:_SHOWN_IMAGES]]
    )


def _conditions(document: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{'FAILS ' if one['fails'] else 'passes'} {one['message']}"
        for one in document["conditions"]
    )
