"""The files that a run leaves behind, written from its journal: all of them, or none."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from client.answers.journal import Journal
from client.answers.record import Record
from client.coco_file import ImageId
from client.inputs.naming import Input
from client.predict.asking import Stopped
from client.predict.categories import Categories
from client.predict.frames import frame_name
from client.predict.totals import Trouble
from client.writing import JsonList, replacing_text

RESULTS = "coco_results.json"
IMAGES = "images.json"
FAILURES = "failures.json"


def write_results(
    folder: Path,
    journal: Journal,
    inputs: Sequence[Input],
    image_ids: Sequence[ImageId | None],
    categories: Categories,
    troubles: Sequence[Trouble],
    *,
    stopped: Callable[[], bool],
) -> int:
    """Write `coco_results.json`, `images.json` and `failures.json`.

    `images.json` is a COCO data set without annotations, so that pycocotools'
    `COCO("images.json").loadRes("coco_results.json")` reads both.

    Args:
        folder: Where they go.
        journal: Has a record of every image and frame.
        inputs: Of the run.
        image_ids: One for each; None leaves it out of the results.
        categories: Of the model's classes.
        troubles: What is missing besides answers.
        stopped: Says whether to stop.

    Returns:
        How many detections have no category, and are in no result.

    Raises:
        ClientError: The disk is full, or another trouble of it.
        Stopped: The run was asked to stop.
    """
    left_out = 0
    with contextlib.ExitStack() as stack:
        results_file, images_file, failures_file = (
            stack.enter_context(replacing_text(folder / name))
            for name in (RESULTS, IMAGES, FAILURES)
        )
        results, failures = JsonList(results_file), JsonList(failures_file)
        images_file.write('{"images":')
        images = JsonList(images_file)
        for item, image_id in zip(inputs, image_ids, strict=True):
            if stopped():
                raise Stopped
            if item.is_video:
                _add_failed_frames(failures, item, journal)
                continue
            record = journal.record(item.name)
            if record.failure is not None:
                _add_failure(failures, item.name, record)
            elif image_id is not None:
                left_out += _add_results(results, record, image_id, categories)
                images.add(_image(record, item, image_id))
        for trouble in troubles:
            failures.add(trouble._asdict())
        results.end()
        images.end()
        failures.end()
        images_file.write(',\n"annotations":[],\n"categories":')
        listed = JsonList(images_file)
        for entry in categories.entries:
            listed.add(entry)
        listed.end()
        images_file.write("}\n")
    return left_out


def _add_results(
    results: JsonList, record: Record, image_id: ImageId, categories: Categories
) -> int:
    """Write the instances of an image; how many have no category."""
    found = record.predictions
    if found is None:
        return 0
    converted = found.to_coco(image_id, categories.ids)
    for one in converted:
        results.add(one)
    return len(found) - len(converted)


def _add_failure(failures: JsonList, name: str, record: Record) -> None:
    if record.failure is not None:
        failures.add(Trouble(name, record.failure.type, record.failure.message)._asdict())


def _add_failed_frames(failures: JsonList, item: Input, journal: Journal) -> None:
    mark = None
    for number in itertools.count():
        if (name := frame_name(item.name, number)) not in journal:
            return
        record = journal.record(name)
        if record.fingerprint != (mark := mark or record.fingerprint):
            return  # of what the file was before, when it had more frames
        _add_failure(failures, name, record)


def _image(record: Record, item: Input, image_id: ImageId) -> dict[str, object]:
    size = (record.document or {})["image"]
    return {
        "id": image_id,
        "file_name": item.name,
        "width": size["width"],
        "height": size["height"],
    }
