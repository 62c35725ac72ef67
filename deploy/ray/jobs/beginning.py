"""How a job begins: what it is of is settled, and its images are listed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from client.errors import ClientError
from client.wording import many
from deploy.ray.jobs.inputs.opening import Input, open_input
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import read_part, write_list
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.reading import Unreadable, read
from deploy.ray.jobs.record import FILE, Asked, Run, new_token, write_run
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

    # First: a list beside the record of another job would be taken for that job's.
    storage.delete(FILE)
    token = new_token()
    Parts(storage, int, token).sweep(0)
    categories = [{"id": one.id, "name": one.name} for one in source.categories()]
    images = noted(source.listed(output=storage.folder))
    count, size = write_list(storage, token, images, images_per_part=task.images_per_part)
    readable = _first_readable(read_part(storage, token, 0)[:_LOOKED_AT])
    run = Run(asked, token, count, size, text_ids, readable, categories)
    write_run(storage, run)
    return run


def _first_readable(images: Sequence[Listed]) -> int:
    """Place of the first that can be read: a wrong folder would make a job of errors alone."""
    why = ""
    for index, image in enumerate(images):
        found = read(image.path)
        if not isinstance(found, Unreadable):
            return index
        why = found.message
    raise ClientError(
        f"Of the first {many(len(images), 'image')} none can be read, the last one because: {why} "
        "Relative paths are looked for where --images says."
    )
