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
from deploy.ray.jobs.cluster import Pool, connected, pool_for
from deploy.ray.jobs.finishing import IMAGES, RESULTS, Totals, categories_of, write_files
from deploy.ray.jobs.listing import FOLDER as INPUTS
from deploy.ray.jobs.memory import peak_memory_mb
from deploy.ray.jobs.parts import RESULTS as RESULT_PARTS
from deploy.ray.jobs.parts import UNREADABLE, Parts
from deploy.ray.jobs.record import Run, read_run
from deploy.ray.jobs.running import Done, Part, Stopped, run_parts
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.summary import summary_document
from deploy.ray.jobs.task import Task
from deploy.ray.jobs.worker import Work, token
from deploy.ray.store import Pinned, open_archive

SUMMARY = "summary.json"


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
        for name in storage.names(ATTEMPTS):
            storage.delete(f"{ATTEMPTS}/{name}")
        try:
            run = read_run(storage, asked)
            if run is None:
                _say(f"Listing the images of {source.url}.")
                run = begin(storage, task, asked, source, stopped)
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
    with connected(task.address) as may_grow:
        pool = pool_for(task.workers, cpus=task.cpus, gpus=task.gpus, may_grow=may_grow)
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
