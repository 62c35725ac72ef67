"""A job from its beginning, or from where it stopped, to its files."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from client.classes import described_classes
from client.errors import ClientError
from client.predict.categories import Categories
from client.progress import ImageProgress
from client.question import Options
from client.wording import many
from deploy.ray.jobs.attempts import FOLDER as ATTEMPTS
from deploy.ray.jobs.claim import claimed
from deploy.ray.jobs.cluster import Pool, connected, pool_for
from deploy.ray.jobs.finishing import IMAGES, RESULTS, Totals, categories_of, write_files
from deploy.ray.jobs.inputs.opening import Input, open_input
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import FOLDER as INPUTS
from deploy.ray.jobs.listing import write_list
from deploy.ray.jobs.memory import peak_memory_mb
from deploy.ray.jobs.parts import RESULTS as RESULT_PARTS
from deploy.ray.jobs.parts import UNREADABLE, Parts
from deploy.ray.jobs.record import Asked, Run, read_run, write_run
from deploy.ray.jobs.running import Done, Part, Stopped, run_parts
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.summary import summary_document
from deploy.ray.jobs.worker import Work, token
from deploy.ray.store import Pinned, look_at, open_archive

SUMMARY = "summary.json"


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        input: Folder, COCO file or table: a path, or a URL that fsspec opens.
        archive: Path or URL of the `.mar`.
        output: Folder or URL of everything that is written.
        images: What paths in the input are relative to; None is the folder that it is in.
        column: Of a table: has the paths.
        id_column: Of a table: has the ids; None numbers rows from 1.
        options: Of every image.
        batch: Most images of one forward pass; 1 answers bit for bit as Detectron2.
        pictures: Whether to draw.
        address: Of the Ray cluster; None starts one on this machine.
        workers: Fewest and most; None is as many as there is room for.
        cpus: CPUs that each reserves.
        gpus: GPUs that each reserves; None is one where there are any.
        images_per_part: Of a new job; None chooses.
        retry_failed: Whether to ask again about images that have no answer.
    """

    input: str
    archive: str
    output: str
    images: str | None = None
    column: str | None = None
    id_column: str | None = None
    options: Options = field(default_factory=Options)
    batch: int = 1
    pictures: bool = False
    address: str | None = None
    workers: tuple[int, int] | None = None
    cpus: float = 1.0
    gpus: float | None = None
    images_per_part: int | None = None
    retry_failed: bool = False


class Unfinished(ClientError):
    """The job has to be gone on with; the parts that are done are kept."""


@dataclass
class _Asking:
    """What a run has asked so far."""

    images: int = 0
    seconds: float = 0.0
    workers: int = 0
    worker_mb: float = 0.0


def predict(task: Task, *, stopped: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Do it.

    Args:
        task: What is to be done.
        stopped: Says whether to stop.

    Returns:
        The summary, as `summary.json` has it.

    Raises:
        Unfinished: It was asked to stop, or cannot go on.
        ClientError: There is nothing to do, or it cannot be begun.
    """
    pinned, asked, source = _asked(task)
    classes = described_classes(
        json.loads((open_archive(pinned) / "metadata.json").read_text(encoding="utf-8"))
    )
    storage = Storage(task.output)
    with claimed(storage):
        for folder in ("", INPUTS, RESULT_PARTS, UNREADABLE, ATTEMPTS):
            storage.sweep(folder)
        for name in storage.names(ATTEMPTS):
            storage.delete(f"{ATTEMPTS}/{name}")
        try:
            run = read_run(storage, asked) or _begin(storage, task, asked, source, stopped)
        except Stopped as error:
            raise Unfinished("Stopped before its images were listed.") from error
        categories = categories_of(classes, run)  # that nothing fits is said before it is asked
        parts = Parts(storage, str if run.text_ids else int)
        asking = _Asking()
        try:
            waiting = _waiting(run, parts, again=task.retry_failed)
            if waiting:
                _ask(task, pinned, storage, run, waiting, asking, stopped)
            totals = _finish(storage, run, parts, categories, stopped)
        except Stopped as error:
            raise Unfinished(f"Stopped. {_kept(run, parts)}") from error
        except ClientError as error:
            raise Unfinished(f"{error}\n{_kept(run, parts)}") from error
        summary = summary_document(
            run,
            totals,
            asked=asking.images,
            seconds=asking.seconds,
            workers=asking.workers,
            memory_mb={"driver": peak_memory_mb(), "worker": asking.worker_mb or None},
            notes=_notes(categories, totals),
            folder=storage.url,
        )
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        storage.write(SUMMARY, text.encode() + b"\n")
    return summary


def _asked(task: Task) -> tuple[Pinned, Asked, Input]:
    source = open_input(
        task.input, images=task.images, column=task.column, id_column=task.id_column
    )
    # Workers look for it from folders of their own.
    url = task.archive if "://" in task.archive else str(Path(task.archive).resolve())
    archive = look_at(url)
    named = {"model": archive.model, "version": archive.version, "sha256": archive.sha256}
    asked = Asked(named, asdict(source), task.options.given(), task.batch, task.pictures)
    return Pinned(url, archive.sha256), asked, source


def _begin(
    storage: Storage, task: Task, asked: Asked, source: Input, stopped: Callable[[], bool]
) -> Run:
    """List the images; what a run that was killed at it has written is written anew."""
    text_ids = False

    def noted(images: Iterable[Listed]) -> Iterator[Listed]:
        nonlocal text_ids
        for one in images:
            if stopped():
                raise Stopped
            text_ids = isinstance(one.id, str)
            yield one

    _say(f"Listing the images of {source.url}.")
    categories = [{"id": one.id, "name": one.name} for one in source.categories()]
    images = noted(source.listed(output=storage.folder))
    count, size = write_list(storage, images, images_per_part=task.images_per_part)
    run = Run(asked, count, size, text_ids, categories)
    write_run(storage, run)
    return run


def _waiting(run: Run, parts: Parts, *, again: bool) -> list[Part]:
    done = parts.done()
    waiting = [Part(number) for number in range(run.parts) if number not in done]
    if again:
        asked_again = sorted(done & parts.with_unread())
        waiting += [
            Part(number, again=True)
            for number in asked_again
            if parts.unread(number, parts.results(number))
        ]
    return waiting


def _ask(
    task: Task,
    pinned: Pinned,
    storage: Storage,
    run: Run,
    waiting: list[Part],
    asking: _Asking,
    stopped: Callable[[], bool],
) -> None:
    anew = {part.number for part in waiting if not part.again}
    progress = ImageProgress(run.images)
    with connected(task.address):
        pool = pool_for(
            task.workers, cpus=task.cpus, gpus=task.gpus, may_grow=task.address is not None
        )
        asking.workers = pool.most
        earlier = run.images - sum(map(run.images_of, anew))
        done = f"{earlier:,} of {many(run.images, 'image')} are done"
        archive = run.asked.archive
        _say(
            f"{archive['model']} {archive['version']}: {done}; {many(len(waiting), 'part')} for "
            f"{pool}."
        )
        for _ in range(earlier):
            progress.step(fresh=False)

        def each(done: Done) -> None:
            asking.images += done.images
            asking.worker_mb = max(asking.worker_mb, done.memory_mb)
            for _ in range(done.images if done.number in anew else 0):
                progress.step()

        start = monotonic()
        try:
            work = _work(task, pinned, storage, run, pool)
            run_parts(waiting, work, pool, each=each, stopped=stopped)
        finally:
            asking.seconds = monotonic() - start
            progress.end()


def _work(task: Task, pinned: Pinned, storage: Storage, run: Run, pool: Pool) -> Work:
    images: str = run.asked.input["images"]
    return Work(
        run=token(),
        archive=pinned,
        name=run.asked.archive["model"],
        version=run.asked.archive["version"],
        output=storage.url,
        images=None if "://" in images else images,
        text_ids=run.text_ids,
        images_per_part=run.images_per_part,
        options=run.asked.options,
        batch=task.batch,
        pictures=task.pictures,
        device=pool.device,
    )


def _finish(
    storage: Storage,
    run: Run,
    parts: Parts,
    categories: Categories,
    stopped: Callable[[], bool],
) -> Totals:
    _say(f"Writing {RESULTS} and {IMAGES}.")
    progress = ImageProgress(run.images)
    try:
        return write_files(storage, run, parts, categories, progress=progress, stopped=stopped)
    finally:
        progress.end()


def _kept(run: Run, parts: Parts) -> str:
    images = sum(run.images_of(number) for number in parts.done())
    return (
        f"{many(images, 'image')} of {run.images:,} are done and kept; the same command goes on "
        "from there."
    )


def _notes(categories: Categories, totals: Totals) -> list[str]:
    notes = list(categories.notes)
    if totals.left_out:
        notes.append(
            f"{many(totals.left_out, 'detection')} of classes without a category are in no COCO "
            "result."
        )
    return notes


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
