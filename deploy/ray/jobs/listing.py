"""The list of a job's images: written once, before the first is asked about, and then kept to.

It is cut into parts of consecutive images, the unit in which a job is worked off. What is added to
a folder later is not in it.
"""

import hashlib
import io
import itertools
import os
from array import array
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from client.errors import ClientError
from deploy.ray.jobs.listed import ImageId, Listed
from deploy.ray.jobs.storage import Storage

FOLDER = "inputs"

_FEWEST_IN_A_PART, _MOST_IN_A_PART = 8, 256
_FEWEST_PARTS = 64  # so that few images keep many workers busy, too
_PARTS_IN_A_FILE = 64

# Names of files may hold bytes that are no text.
_PATHS = [("path", pa.binary()), ("name", pa.binary())]


def write_list(
    storage: Storage, token: str, images: Iterable[Listed], *, images_per_part: int | None = None
) -> tuple[int, int]:
    """Write the list; any other one is deleted.

    Args:
        storage: Of the job.
        token: Of the job: no other one reads this list.
        images: Taken one at a time.
        images_per_part: None chooses 8 to 256, by how many images there are.

    Returns:
        How many images there are, and how many a part has.

    Raises:
        ClientError: There are none, two have the same id, their ids are of two types, or it cannot
            be written.
    """
    for name in storage.names(FOLDER):
        storage.delete(f"{FOLDER}/{name}")
    rest = iter(images)
    first = list(itertools.islice(rest, _MOST_IN_A_PART * _FEWEST_PARTS))
    if not first:
        raise ClientError("There is no image in what was named.")
    size = images_per_part or max(_FEWEST_IN_A_PART, -(-len(first) // _FEWEST_PARTS))
    ids = _Ids(type(first[0].id))
    checked = (ids.checked(one) for one in itertools.chain(first, rest))
    parts = _chunks(checked, size)
    for number in itertools.count():
        file = list(itertools.islice(parts, _PARTS_IN_A_FILE))
        if not file:
            break
        storage.write(_file(token, number), _parquet(file, ids.kind))
    ids.refuse_twice()
    return len(ids), size


def read_part(storage: Storage, token: str, number: int) -> list[Listed]:
    """The images of a part.

    Args:
        storage: Of the job.
        token: Of the job.
        number: Of the part, from 0.

    Raises:
        ClientError: The list cannot be read.
    """
    file, group = divmod(number, _PARTS_IN_A_FILE)
    rows = storage.using(
        _file(token, file),
        lambda opened: parquet.ParquetFile(opened).read_row_group(group).to_pylist(),
    )
    return [
        Listed(row["image_id"], os.fsdecode(row["path"]), os.fsdecode(row["name"])) for row in rows
    ]


def _file(token: str, number: int) -> str:
    return f"{FOLDER}/list-{number:06}-{token}.parquet"


def _chunks(images: Iterator[Listed], size: int) -> Iterator[list[Listed]]:
    while chunk := list(itertools.islice(images, size)):
        yield chunk


def _parquet(parts: list[list[Listed]], kind: type) -> bytes:
    """A file with a row group for each part."""
    schema = pa.schema([("image_id", id_type(kind)), *_PATHS])
    buffer = io.BytesIO()
    with parquet.ParquetWriter(buffer, schema, compression="zstd") as writer:
        for part in parts:
            columns = [
                [one.id for one in part],
                [os.fsencode(one.path) for one in part],
                [os.fsencode(one.name) for one in part],
            ]
            table = pa.table(
                [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
            )
            writer.write_table(table, row_group_size=len(part))
    return buffer.getvalue()


def id_type(kind: type) -> pa.DataType:
    """Arrow's type of ids.

    Args:
        kind: `int` or `str`.
    """
    return pa.int64() if kind is int else pa.string()


class _Ids:
    """Sees whether ids are of one type, and each of one image; 8 bytes each."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self._digests = array("q")

    def __len__(self) -> int:
        return len(self._digests)

    def checked(self, image: Listed) -> Listed:
        """The image itself."""
        if type(image.id) is not self.kind:
            raise ClientError(
                f"The id of {image.name} is {image.id!r}, and others are {self.kind.__name__}: all "
                "whole numbers or all text is accepted."
            )
        self._digests.append(_digest(image.id))
        return image

    def refuse_twice(self) -> None:
        digests = np.sort(np.frombuffer(self._digests, np.int64))
        twice = int((digests[1:] == digests[:-1]).sum())
        if twice:
            raise ClientError(
                f"{twice} of {len(digests)} images have the id of another one; ids that are of one "
                "image alone are accepted."
            )


def _digest(id_: ImageId) -> int:
    if isinstance(id_, int):
        try:
            return array("q", [id_])[0]
        except OverflowError as error:
            raise ClientError(f"The id {id_} has more than 64 bits.") from error
    digest = hashlib.blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
