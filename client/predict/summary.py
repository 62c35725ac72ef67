"""What a run has to say at its end, for people and as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from client.answers.sentences import when
from client.answers.times import CLIENT
from client.predict.totals import Totals
from client.wording import many

_COLUMNS = ("mean", "p50", "p95", "p99", "longest")
_CLASSES_SHOWN = 20


def summary_document(
    totals: Totals,
    *,
    model: str,
    version: str,
    begun: str | None,
    seconds: float,
    workers: int,
    notes: Sequence[str],
    folder: Path,
) -> dict[str, Any]:
    """The summary as `--json` prints it; docs/client.md names its keys.

    Args:
        totals: Of the run.
        model: Name of the model.
        version: Its version.
        begun: When the first answer was asked for, in ISO 8601; None where nobody wrote it down.
        seconds: How long this run took.
        workers: How many requests there were at a time.
        notes: What a person should know, in sentences.
        folder: Where everything lies.
    """
    images = totals.answered + totals.failed
    asked = images - totals.earlier
    return {
        "model": {"name": model, "version": version},
        "images": images,
        "answered": totals.answered,
        "failures": totals.failed + len(totals.troubles),
        "earlier": totals.earlier,
        "begun": begun,
        "asked": asked,
        "seconds": seconds,
        "images_per_second": asked / seconds,
        "workers": workers,
        "times_s": totals.times.document(),
        "detections": sum(totals.detections.values()),
        "classes": [
            {"class_id": one.id, "class_name": one.name, "detections": count}
            for one, count in totals.detections.most_common()
        ],
        "notes": list(notes),
        "output": str(folder),
    }


def summary_text(document: Mapping[str, Any]) -> str:
    """The summary for people.

    Args:
        document: Of `summary_document`.
    """
    name = f"{document['model']['name']} {document['model']['version']}"
    lines = [
        f"{name} answered {document['answered']} of {many(document['images'], 'image')}."
        + _earlier(document)
    ]
    if document["asked"]:
        lines.append(
            f"{many(document['asked'], 'image')} in {document['seconds']:.1f} s: "
            f"{document['images_per_second']:.1f} images/s, "
            f"{many(document['workers'], 'request')} at a time."
        )
    if document["times_s"]:
        lines += ["", *_times(document["times_s"])]
    lines += ["", *_classes(document)]
    if document["notes"]:
        lines += ["", *document["notes"]]
    lines += ["", f"{document['output']} has everything."]
    return "\n".join(lines)


def _earlier(document: Mapping[str, Any]) -> str:
    earlier: int = document["earlier"]
    if not earlier:
        return ""
    return f" {many(earlier, 'answer')} of an earlier run{when(document['begun'])}."


def _times(times: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table; the client's row is what a caller waits, the others are the server's stages."""
    lines = ["milliseconds" + "".join(f"{column:>10}" for column in _COLUMNS)]
    for stage in (CLIENT, *(one for one in times if one != CLIENT)):
        values = "".join(f"{1000 * times[stage][column]:10.1f}" for column in _COLUMNS)
        lines.append(f"{stage:<12}{values}")
    return lines


def _classes(document: Mapping[str, Any]) -> list[str]:
    lines = [many(document["detections"], "detection") + (":" if document["classes"] else ".")]
    for one in document["classes"][:_CLASSES_SHOWN]:
        lines.append(f"{one['detections']:10,} {one['class_name']}")
    more = len(document["classes"]) - _CLASSES_SHOWN
    return lines if more <= 0 else [*lines, f"{'':10} and {more} more, in summary.json"]
