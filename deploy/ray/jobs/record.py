"""`run.json`: what a folder of results is of, so that no two jobs are mixed in one."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from client.errors import ClientError
from deploy.ray.jobs.parts import RESULTS
from deploy.ray.jobs.storage import Storage

FILE = "run.json"

_FORMAT_VERSION = 1
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
        images: How many there are.
        images_per_part: How many a part has; the last one may have fewer.
        text_ids: Whether ids of images are text; else they are numbers.
        categories: Of a COCO file: `id` and `name` of each.
    """

    asked: Asked
    images: int
    images_per_part: int
    text_ids: bool
    categories: list[dict[str, Any]] = field(default_factory=list)

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return -(-self.images // self.images_per_part)

    def images_of(self, part: int) -> int:
        """How many images a part has."""
        return min(self.images_per_part, self.images - part * self.images_per_part)


def write_run(storage: Storage, run: Run) -> None:
    """Write the file; the job has begun when it is there.

    Raises:
        ClientError: It cannot be written.
    """
    document = {"format_version": _FORMAT_VERSION, **asdict(run)}
    storage.write(FILE, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def read_run(storage: Storage, asked: Asked) -> Run | None:
    """Read the file; None where no job has begun here, or another one that has no results yet.

    Args:
        storage: The folder.
        asked: What is asked for now.

    Raises:
        ClientError: What it holds is of another job, or it cannot be read.
    """
    if not storage.exists(FILE):
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
    if not storage.names(RESULTS):
        return None
    raise ClientError(
        f"{storage.url} has results of another job ({'; '.join(changes)}). Name another folder "
        "with --output, or repeat the command as it was."
    )


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
