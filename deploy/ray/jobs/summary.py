"""What a job has to say at its end, for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from client.wording import many
from deploy.ray.jobs.finishing import Totals
from deploy.ray.jobs.record import Run

_CLASSES_SHOWN = 20


def summary_document(
    run: Run,
    totals: Totals,
    *,
    asked: int,
    seconds: float,
    workers: int,
    memory_mb: Mapping[str, float | None],
    notes: Sequence[str],
    folder: str,
) -> dict[str, Any]:
    """The summary as `--json` prints it; docs/ray-jobs.md names its keys.

    Args:
        run: The job.
        totals: What it adds up to.
        asked: How many images this run has asked about.
        seconds: How long it took to ask.
        workers: The most that it could have.
        memory_mb: The most memory of `driver` and of a `worker`.
        notes: What a person should know, in sentences.
        folder: Where everything lies.
    """
    return {
        "model": {key: run.asked.archive[key] for key in ("model", "version", "sha256")},
        "images": run.images,
        "answered": totals.answered,
        "failures": sum(totals.failures.values()),
        "failures_by_type": dict(totals.failures.most_common()),
        "may_pass": totals.may_pass,
        "asked": asked,
        "seconds": seconds,
        "images_per_second": asked / seconds if seconds else 0.0,
        "workers": workers,
        "peak_memory_mb": dict(memory_mb),
        "detections": sum(totals.detections.values()),
        "classes": [
            {"class_id": id_, "class_name": name, "detections": count}
            for (id_, name), count in totals.detections.most_common()
        ],
        "notes": list(notes),
        "output": folder,
    }


def summary_text(document: Mapping[str, Any]) -> str:
    """The summary for people.

    Args:
        document: Of `summary_document`.
    """
    name = f"{document['model']['model']} {document['model']['version']}"
    answered, images = document["answered"], document["images"]
    lines = [f"{name} answered {answered:,} of {many(images, 'image')}."]
    if document["asked"]:
        lines.append(
            f"{many(document['asked'], 'image')} in {document['seconds']:.1f} s: "
            f"{document['images_per_second']:.1f} images/s, {many(document['workers'], 'worker')}."
        )
    lines += [
        f"{many(count, 'image')} without an answer: {kind}."
        for kind, count in document["failures_by_type"].items()
    ]
    lines += ["", many(document["detections"], "detection") + (":" if document["classes"] else ".")]
    for one in document["classes"][:_CLASSES_SHOWN]:
        lines.append(f"{one['detections']:10,} {one['class_name']}")
    more = len(document["classes"]) - _CLASSES_SHOWN
    if more > 0:
        lines.append(f"{'':10} and {more} more, in summary.json")
    if document["notes"]:
        lines += ["", *document["notes"]]
    lines += ["", f"{document['output']} has everything."]
    return "\n".join(lines)
