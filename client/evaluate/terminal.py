"""`report.json` -> text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

_AP = ("AP", "AP50", "AP75", "APs", "APm", "APl")
_WIDEST_MATRIX = 12
_PERCENTILES = ("mean", "p50", "p90", "p95", "p99", "longest")
_NAMES = {"bbox": "boxes", "segm": "masks", "keypoints": "keypoints"}
_NAME_WIDTH = 24


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
        _table(
            ["AP in percent", *_AP],
            [
                [_NAMES[task], *(_number(ap.get(name), 2) for name in _AP)]
                for task, ap in document["ap"].items()
            ],
        ),
        _classes(document),
    ]
    if len(document["confusion"]["labels"]) <= _WIDEST_MATRIX:
        parts.append(_matrix(document["confusion"]))
    parts.append(_times(document["times_s"]))
    return "\n\n".join(part for part in parts if part)


def _classes(document: Mapping[str, Any]) -> str:
    tasks = list(document["ap"])
    head = ["class", "objects", *(f"AP {_NAMES[task]}" for task in tasks)]
    head += ["found", "missed", "confused", "false alarms", "wrong class", "best score", "F1"]
    rows = [
        [one["name"], one["objects"], *(_number(one["ap"][task], 2) for task in tasks), *_row(one)]
        for one in document["classes"]
    ]
    total = document["total"]
    if len(rows) > 1:
        rows.append(["all", total["objects"], *("" for _ in tasks), *_row(total)])
    return _table(head, rows)


def _row(found: Mapping[str, Any]) -> list[Any]:
    best = found["best_threshold"] or {}
    counts = [found[name] for name in ("found", "missed", "confused", "false_alarms", "wrong")]
    return [*counts, _number(best.get("score"), 3), _number(best.get("f1"), 3)]


def _matrix(confusion: Mapping[str, Any]) -> str:
    labels = confusion["labels"]
    rows = [[label, *row] for label, row in zip(labels, confusion["counts"], strict=True)]
    rows[-1][-1] = ""
    return _table(["truth \\ prediction", *labels], rows)


def _times(times: Mapping[str, Mapping[str, float]]) -> str:
    if not times:
        return ""
    rows = [
        [stage, *(_number(1000 * found[name], 1) for name in _PERCENTILES)]
        for stage, found in times.items()
    ]
    return _table(["ms per image", *_PERCENTILES], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [[_text(one) for one in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in cells
    )


def _text(value: Any) -> str:
    """A name of any characters, on one line and not too long."""
    text = "".join(character if character.isprintable() else "?" for character in str(value))
    return text if len(text) <= _NAME_WIDTH else f"{text[: _NAME_WIDTH - 2]}.."


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
