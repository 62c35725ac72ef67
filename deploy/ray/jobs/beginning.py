"""How a job begins: what it is of is settled, and its images are listed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from client.errors import ClientError
from client.wording import many
from deploy.ray.jobs.inputs.opening import Input, open_input
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import read_part, write_list
from deploy.ray.jobs.parts import UNREADABLE
from deploy.ray.jobs.reading import Unreadable, read
from deploy.ray.jobs.record import Asked, Run, write_run
from deploy.ray.jobs.running import Stopped
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.task import Task
from deploy.ray.store import Pinned, look_at

_LOOKED_AT = 8


def look(task: Task) -> tuple[Pinned, Asked, Input]:
    """See what is asked for: the archive, what decides over results, and the input.

    Raises:
        ClientError: The archive is refused, or the input is none.
    """
    source = open_input(
        task.input, images=task.images, column=task.column, id_column=task.id_column
    )
    # Workers look for it from folders of their own.
    url = task.archive if "://" in task.archive else str(Path(task.archive).resolve())
    archive = look_at(url)
    named = {"model": archive.model, "version": archive.version, "sha256": archive.sha256}
    asked = Asked(named, asdict(source), task.options.given(), task.batch, task.pictures)
    return Pinned(url, archive.sha256), asked, source


def begin(
    storage: Storage, task: Task, asked: Asked, source: Input, stopped: Callable[[], bool]
) -> Run:
    """List the images; what a run that was killed at it has written is written anew.

    Args:
        storage: Of the job, without results.
        task: What is to be done.
        asked: Of `look`.
        source: Of `look`.
        stopped: Says whether to stop.

    Raises:
        ClientError: There are no images, none of the first can be read, or the list cannot be
            written.
        Stopped: The run was asked to stop.
    """
    text_ids = False

    def noted(images: Iterable[Listed]) -> Iterator[Listed]:
        nonlocal text_ids
        for one in images:
            if stopped():
                raise Stopped
            text_ids = isinstance(one.id, str)
            yield one

    for name in storage.names(UNREADABLE):
        storage.delete(f"{UNREADABLE}/{name}")
    categories = [{"id": one.id, "name": one.name} for one in source.categories()]
    images = noted(source.listed(output=storage.folder))
    count, size = write_list(storage, images, images_per_part=task.images_per_part)
    _refuse_unreadable(read_part(storage, 0)[:_LOOKED_AT])
    run = Run(asked, count, size, text_ids, categories)
    write_run(storage, run)
    return run


def _refuse_unreadable(images: Sequence[Listed]) -> None:
    """A wrong folder would make a job of nothing but images without an answer."""
    why = ""
    for image in images:
        found = read(image.path)
        if not isinstance(found, Unreadable):
            return
        why = found.message
    raise ClientError(
        f"Of the first {many(len(images), 'image')} none can be read, the last one because: {why} "
        "Relative paths are looked for where --images says."
    )
