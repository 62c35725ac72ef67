"""The files of a job whose parts are all done, written part by part in the order of its list."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

from client.classes import Category, ModelClass
from client.errors import ClientError
from client.predict.categories import Categories, categories_for
from client.progress import ImageProgress
from client.wording import many
from client.writing import JsonList
from deploy.ray.jobs.parts import Damaged, Parts, Tables
from deploy.ray.jobs.record import Run
from deploy.ray.jobs.rows import predictions_of
from deploy.ray.jobs.running import Stopped
from deploy.ray.jobs.storage import Storage

RESULTS = "coco_results.json"
IMAGES = "images.json"

_SHOWN = 8
_NO_DATASET_IDS = (
    "The ids of a data set are not known, so category ids are positions among the model's classes, "
    "from 0; images.json names them. A COCO file as the input brings its own."
)


class Lacking(ClientError):
    """Parts lacked images or were damaged, and are not done any more; asking about them mends it.

    Args:
        parts: Their numbers.
    """

    def __init__(self, parts: list[int]) -> None:
        shown = ", ".join(map(str, parts[:_SHOWN])) + (" ..." if len(parts) > _SHOWN else "")
        super().__init__(
            f"{many(len(parts), 'part')} lacked images or could not be read, and were taken back: "
            f"{shown}."
        )
        self.parts = parts


@dataclass
class Totals:
    """What a job adds up to.

    Attributes:
        answered: How many images have an answer.
        failures: How many have none, by the name of the error.
        may_pass: How many of those may have one another time.
        detections: How many of each class.
        left_out: Detections of classes without a category, which are in no COCO result.
    """

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    may_pass: int = 0
    detections: Counter[tuple[int, str]] = field(default_factory=Counter)
    left_out: int = 0


def categories_of(classes: list[ModelClass], run: Run) -> Categories:
    """The categories of COCO results: those of the COCO file, else those of the training.

    Args:
        classes: Of the model.
        run: Has the file's.

    Raises:
        ClientError: No class of the model is a category of the file.
    """
    annotated = [Category(one["id"], one["name"]) for one in run.categories]
    found = categories_for(classes, annotated, are_all=True)
    if not annotated and found.notes:  # the client's name an argument of its own
        return replace(found, notes=(_NO_DATASET_IDS,))
    return found


def write_files(
    storage: Storage,
    run: Run,
    parts: Parts,
    categories: Categories,
    *,
    progress: ImageProgress,
    stopped: Callable[[], bool],
) -> Totals:
    """Write `coco_results.json` and `images.json`, as `python -m client predict` writes them.

    A part is held at a time. The same results give the same bytes.

    Args:
        storage: Of the job.
        run: Of which all parts are done.
        parts: Reads them.
        categories: Of the model's classes.
        progress: Shows how far it is.
        stopped: Says whether to stop.

    Raises:
        Lacking: Parts lack images.
        ClientError: A file cannot be read or written.
        Stopped: The run was asked to stop.
    """
    totals = Totals()
    names = run.asked.archive["model"], run.asked.archive["version"]
    parts.sweep(run.parts)
    with_unread = parts.with_unread()
    lacking: list[int] = []
    with _text(storage, RESULTS) as results_file, _text(storage, IMAGES) as images_file:
        results = JsonList(results_file)
        images_file.write('{"images":')
        images = JsonList(images_file)
        for number in range(run.parts):
            if stopped():
                raise Stopped
            found = _whole(run, number, parts)
            if found is None:
                parts.take_back(number)
                lacking.append(number)
                continue
            rows, unread = found
            if unread or number in with_unread:
                parts.mend(number, unread)
            totals.failures.update(row["type"] for row in unread)
            totals.may_pass += sum(row["may_pass"] for row in unread)
            for row in rows:
                _add(row, names, categories, results, totals)
                images.add(
                    {
                        "id": row["image_id"],
                        **{key: row[key] for key in ("file_name", "width", "height")},
                    }
                )
            for _ in range(run.images_of(number)):
                progress.step()
        if lacking:  # nothing takes the place of the files then
            raise Lacking(lacking)
        results.end()
        images.end()
        images_file.write(',\n"annotations":[],\n"categories":')
        listed = JsonList(images_file)
        for entry in categories.entries:
            listed.add(entry)
        listed.end()
        images_file.write("}\n")
    parts.write_empty()
    return totals


def _add(
    row: Mapping[str, Any],
    names: tuple[str, str],
    categories: Categories,
    results: JsonList,
    totals: Totals,
) -> None:
    model, version = names
    found = predictions_of(row, model=model, version=version)
    converted = found.to_coco(row["image_id"], categories.ids)
    for one in converted:
        results.add(one)
    totals.answered += 1
    totals.left_out += len(found) - len(converted)
    totals.detections.update(zip(found.class_ids.tolist(), found.class_names, strict=True))


def _whole(run: Run, number: int, parts: Parts) -> Tables | None:
    """A part; None where it is not there, damaged, or lacks images."""
    try:
        if not parts.is_done(number):
            return None
        found = parts.read(number)
    except Damaged:
        return None
    first = number * run.images_per_part
    expected = list(range(first, first + run.images_of(number)))
    indices = sorted(row["index"] for row in (*found.results, *found.unread))
    return found if indices == expected else None


@contextlib.contextmanager
def _text(storage: Storage, name: str) -> Iterator[IO[str]]:
    with (
        storage.replacing(name) as temp,
        temp.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        yield file
