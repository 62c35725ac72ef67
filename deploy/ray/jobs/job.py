"""A job from its beginning, or from where it stopped, to its files."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from client.classes import described_classes
from client.errors import ClientError
from client.predict.categories import Categories
from client.progress import ImageProgress
from client.wording import many
from deploy.ray.jobs.attempts import FOLDER as ATTEMPTS
from deploy.ray.jobs.beginning import begin, look
from deploy.ray.jobs.claim import claimed
from deploy.ray.jobs.cluster import Pool, connected, pool_for, wanting_room
from deploy.ray.jobs.finishing import (
    IMAGES,
    RESULTS,
    Lacking,
    Totals,
    categories_of,
    write_files,
)
from deploy.ray.jobs.health import started
from deploy.ray.jobs.listing import FOLDER as INPUTS
from deploy.ray.jobs.memory import peak_memory_mb
from deploy.ray.jobs.parts import RESULTS as RESULT_PARTS
from deploy.ray.jobs.parts import UNREADABLE, Damaged, Parts
from deploy.ray.jobs.record import Run, new_token, read_run
from deploy.ray.jobs.running import Done, Part, Stopped, run_parts
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.summary import summary_document
from deploy.ray.jobs.task import Task
from deploy.ray.jobs.worker import Work
from deploy.ray.store import Pinned, open_archive

SUMMARY = "summary.json"
_ROUNDS = 3  # of asking, and looking whether all images are there


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
    pinned, asked, source = look(task)
    classes = described_classes(
        json.loads((open_archive(pinned) / "metadata.json").read_text(encoding="utf-8"))
    )
    storage = Storage(task.output)
    with claimed(storage):
        for folder in ("", INPUTS, RESULT_PARTS, UNREADABLE, ATTEMPTS):
            storage.sweep(folder)
        _forget(storage)
        try:
            run = read_run(storage, asked)
            if run is None:
                _say(f"Listing the images of {source.url}.")
                run = begin(storage, task, asked, source, stopped)
        except Stopped as error:
            raise Unfinished("Stopped before its images were listed.") from error
        categories = categories_of(classes, run)  # that nothing fits is said before it is asked
        parts = Parts(storage, str if run.text_ids else int, run.token)
        asking = _Asking()
        try:
            parts.sweep(run.parts)
            totals = _work_off(task, pinned, storage, run, parts, categories, asking, stopped)
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
            notes=_notes(run, categories, totals),
            folder=storage.url,
        )
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        storage.write(SUMMARY, text.encode() + b"\n")
    return summary


def _work_off(
    task: Task,
    pinned: Pinned,
    storage: Storage,
    run: Run,
    parts: Parts,
    categories: Categories,
    asking: _Asking,
    stopped: Callable[[], bool],
) -> Totals:
    waiting = _waiting(run, parts, again=task.retry_failed, stopped=stopped)
    for _ in range(_ROUNDS):
        if waiting:
            _ask(task, pinned, storage, run, waiting, asking, stopped)
            _forget(storage)
        try:
            return _finish(storage, run, parts, categories, stopped)
        except Lacking as error:
            lacking = error
            _say(f"{error} They are asked about again.")
            waiting = [Part(number, run.images_of(number)) for number in error.parts]
    raise lacking


def _forget(storage: Storage) -> None:
    for name in storage.names(ATTEMPTS):
        storage.delete(f"{ATTEMPTS}/{name}")


def _waiting(run: Run, parts: Parts, *, again: bool, stopped: Callable[[], bool]) -> list[Part]:
    done = parts.done()
    waiting = [
        Part(number, run.images_of(number)) for number in range(run.parts) if number not in done
    ]
    for number in sorted(done & parts.with_unread()) if again else ():
        if stopped():
            raise Stopped
        try:
            unread = len(parts.read(number).unread)
        except Damaged:
            parts.take_back(number)
            waiting.append(Part(number, run.images_of(number)))
            continue
        if unread:
            waiting.append(Part(number, unread, again=True))
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
    anew = sum(part.images for part in waiting if not part.again)
    asked = sum(part.images for part in waiting)
    earlier = run.images - anew
    # Where nothing but what has no answer is asked about, the bar is of that.
    progress = ImageProgress(asked if asked > anew else run.images)
    with connected(task.address) as may_grow:
        pool = pool_for(task.workers, cpus=task.cpus, gpus=task.gpus, may_grow=may_grow)
        asking.workers = pool.most
        done = f"{earlier:,} of {many(run.images, 'image')} are done"
        archive = run.asked.archive
        _say(
            f"{archive['model']} {archive['version']}: {done}; {many(len(waiting), 'part')} for "
            f"{pool}."
        )
        for _ in range(0 if asked > anew else earlier):
            progress.step(fresh=False)

        def each(done: Done) -> None:
            asking.images += done.images
            asking.worker_mb = max(asking.worker_mb, done.memory_mb)
            for _ in range(done.images):
                progress.step()

        def waiting_for_room() -> None:
            sentence = wanting_room(pool, started(storage))
            if sentence:
                _say(sentence)

        start = monotonic()
        try:
            work = _work(task, pinned, storage, run, pool)
            run_parts(waiting, work, pool, each=each, waiting=waiting_for_room, stopped=stopped)
        finally:
            asking.seconds += monotonic() - start
            progress.end()


def _work(task: Task, pinned: Pinned, storage: Storage, run: Run, pool: Pool) -> Work:
    images: str = run.asked.input["images"]
    return Work(
        run=new_token(),
        job=run.token,
        archive=pinned,
        name=run.asked.archive["model"],
        version=run.asked.archive["version"],
        output=storage.url,
        images=None if "://" in images else images,
        text_ids=run.text_ids,
        readable=run.readable,
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


def _notes(run: Run, categories: Categories, totals: Totals) -> list[str]:
    notes = list(categories.notes)
    if set(totals.failures) == {"FileNotFoundError"} and run.asked.input["kind"] != "folder":
        notes.append(
            f"Relative paths were looked for in {run.asked.input['images']}; --images, with "
            "another folder for --output, names another one."
        )
    if totals.left_out:
        notes.append(
            f"{many(totals.left_out, 'detection')} of classes without a category are in no COCO "
            "result."
        )
    return notes


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
