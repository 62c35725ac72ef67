"""`report.json` -> text for a terminal."""

from collections.abc import Mapping
from typing import Any

from client.evaluate.matches import TASKS
from client.evaluate.thresholds import threshold_text
from client.text_table import decimal, text_table

_AP = ("AP", "AP50", "AP75", "APs", "APm", "APl")
_WIDEST_MATRIX = 12
_PERCENTILES = ("mean", "p50", "p90", "p95", "p99", "longest")


def summary(document: Mapping[str, Any]) -> str:
    """What matters most, as lines.

    Args:
        document: Of `client.evaluate.document.report`.
    """
    model, annotations = document["model"], document["annotations"]
    settings, total = document["settings"], document["total"]
    parts = [
        f"{model['name']} {model['version']} on {annotations['file']}: "
        f"{annotations['judged_images']} of {annotations['images']} images, "
        f"{annotations['objects']} objects, {total['detections']} detections of score "
        f"{settings['score']:g} or more",
        text_table(
            ["AP in percent", *_AP],
            [
                [TASKS[task], *(decimal(ap.get(name), 2) for name in _AP)]
                for task, ap in document["ap"].items()
            ],
        ),
        _classes(document),
    ]
    if len(document["confusion"]["labels"]) <= _WIDEST_MATRIX:
        parts.append(_matrix(document))
    parts.append(_times(document["times_s"]))
    return "\n\n".join(part for part in parts if part)


def _classes(document: Mapping[str, Any]) -> str:
    tasks = list(document["ap"])
    head = ["class", "objects", *(f"AP {TASKS[task]}" for task in tasks)]
    head += ["found", "missed", "confused", "false alarms", "wrong class", "best score", "F1"]
    rows = [
        [one["name"], one["objects"], *(decimal(one["ap"][task], 2) for task in tasks), *_row(one)]
        for one in document["classes"]
    ]
    total = document["total"]
    if len(rows) > 1:
        rows.append(["all", total["objects"], *("" for _ in tasks), *_row(total)])
    return f"{_at_least(document)}; best score is where F1 is highest:\n{text_table(head, rows)}"


def _at_least(document: Mapping[str, Any]) -> str:
    settings = document["settings"]
    return (
        f"At score {settings['score']:g} or more (--score), by {settings['pair_by']} of IoU "
        f"{settings['iou']:g} or more (--pair-by, --iou)"
    )


def _row(found: Mapping[str, Any]) -> list[Any]:
    best = found["best_threshold"] or {}
    counts = [found[name] for name in ("found", "missed", "confused", "false_alarms", "wrong")]
    threshold = threshold_text(best["rounded"]) if best else "-"
    return [*counts, threshold, decimal(best.get("f1"), 3)]


def _matrix(document: Mapping[str, Any]) -> str:
    confusion = document["confusion"]
    labels = confusion["labels"]
    rows = [[label, *row] for label, row in zip(labels, confusion["counts"], strict=True)]
    rows[-1][-1] = ""
    return f"{_at_least(document)}:\n" + text_table(["truth \\ prediction", *labels], rows)


def _times(times: Mapping[str, Mapping[str, float]]) -> str:
    if not times:
        return ""
    rows = [
        [stage, *(decimal(1000 * found[name], 1) for name in _PERCENTILES)]
        for stage, found in times.items()
    ]
    return text_table(["ms per image", *_PERCENTILES], rows)
