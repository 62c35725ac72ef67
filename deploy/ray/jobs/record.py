"""`run.json`: what a folder of results is of, so that no two jobs are mixed in one."""

import contextlib
import json
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from client.errors import ClientError
from deploy.ray.jobs.parts import RESULTS, UNREADABLE, Parts
from deploy.ray.jobs.storage import Storage

FILE = "run.json"

_FORMAT_VERSION = 2
_WORDS = {
    "archive": "the archive",
    "input": "the input",
    "options": "the options",
    "batch": "--batch",
    "pictures": "--pictures",
}


@dataclass(frozen=True)
class Asked:
    """What decides over a job's results.

    Attributes:
        archive: `model`, `version` and `sha256`.
        input: Fields of `Input`.
        options: Of every image.
        batch: Most images of one forward pass.
        pictures: Whether to draw.
    """

    archive: dict[str, Any]
    input: dict[str, Any]
    options: dict[str, Any]
    batch: int
    pictures: bool


@dataclass(frozen=True)
class Run:
    """A job that has begun: its list is written.

    Attributes:
        asked: What decides over its results.
        token: Of this job alone; names of its list and of its parts have it.
        images: How many there are.
        images_per_part: How many a part has; the last one may have fewer.
        text_ids: Whether ids of images are text; else they are numbers.
        readable: Index of an image that could be read when the job began.
        categories: Of a COCO file: `id` and `name` of each.
    """

    asked: Asked
    token: str
    images: int
    images_per_part: int
    text_ids: bool
    readable: int = 0
    categories: list[dict[str, Any]] = field(default_factory=list)

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return -(-self.images // self.images_per_part)

    def images_of(self, part: int) -> int:
        """How many images a part has."""
        return min(self.images_per_part, self.images - part * self.images_per_part)


def new_token() -> str:
    """Of a new job."""
    return uuid.uuid4().hex[:12]


def write_run(storage: Storage, run: Run) -> None:
    """Write the file; the job has begun when it is there.

    Raises:
        ClientError: It cannot be written.
    """
    document = {"format_version": _FORMAT_VERSION, **asdict(run)}
    storage.write(FILE, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def read_run(storage: Storage, asked: Asked) -> Run | None:
    """Read the file; None where no job has begun here, or another one that has no results yet.

    Such a job is given up: its list and what its workers may still write are none of the next one.

    Args:
        storage: The folder.
        asked: What is asked for now.

    Raises:
        ClientError: What it holds is of another job, or it cannot be read.
    """
    if not storage.exists(FILE):
        for folder in (RESULTS, UNREADABLE):
            if storage.names(folder):
                raise ClientError(
                    f"{storage.url} has files in {folder}, and no {FILE} that says what they are "
                    "of. Name another folder with --output, or delete them."
                )
        return None
    try:
        document = json.loads(storage.read(FILE))
        if document.pop("format_version") != _FORMAT_VERSION:
            raise ValueError(f"its format_version is not {_FORMAT_VERSION}")
        run = Run(**{**document, "asked": Asked(**document["asked"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ClientError(f"{storage.url}/{FILE} is none of this command: {error!r}.") from error
    changes = _changes(run.asked, asked)
    if not changes:
        return run
    if not Parts(storage, str if run.text_ids else int, run.token).done():
        return None
    raise ClientError(
        f"{storage.url} has results of another job ({'; '.join(changes)}). Name another folder "
        "with --output, or repeat the command as it was."
    )


def refuse_another(storage: Storage, token: str) -> None:
    """See that the folder is still a job's: one whose driver is gone may have been given up.

    Args:
        storage: The folder.
        token: Of the job.

    Raises:
        ClientError: It is another's, or cannot be read.
    """
    found = None
    if storage.exists(FILE):
        with contextlib.suppress(ValueError, AttributeError):
            found = json.loads(storage.read(FILE)).get("token")
    if found != token:
        raise ClientError(f"{storage.url} belongs to another job since this one has begun.")


def _changes(before: Asked, now: Asked) -> list[str]:
    # As JSON has them: tuples and lists are the same there.
    old, new = (json.loads(json.dumps(asdict(one))) for one in (before, now))
    return [
        f"{_WORDS[key]}: {_shown(old[key], new[key])} there, {_shown(new[key], old[key])} now"
        for key in _WORDS
        if old[key] != new[key]
    ]


def _shown(one: Any, other: Any) -> str:
    """A value; of an object what differs from the other one."""
    if not isinstance(one, dict):
        return json.dumps(one)
    differing = {key: value for key, value in one.items() if other.get(key) != value}
    return json.dumps(differing, ensure_ascii=False) if differing else "none"
