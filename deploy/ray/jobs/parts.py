"""The finished parts of a job: two tables each, of which the one of results says all of it.

A part is written with one rename, images without an answer included: the table of those is a copy
for people. Its name is its place in the list and the job's token, so whoever asks about it again,
because a worker or a node was lost, writes the same file: no image is there twice, none is missing
of a part that is there, and what another job has written here is none of this one's.
"""

import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from client.errors import ClientError
from deploy.ray.jobs.rows import (
    Answered,
    Unread,
    result_row,
    result_schema,
    table,
    unread_row,
    unread_schema,
)
from deploy.ray.jobs.storage import Storage

RESULTS = "results"
UNREADABLE = "unreadable"

_NAME = re.compile(r"part-(\d{6,})-([0-9a-z]+)\.parquet")
_UNREAD = b"images_without_an_answer"
"""Key of the file's metadata."""


class Damaged(ClientError):
    """A part is there, and is none."""


class Tables(NamedTuple):
    """The rows of a part, each in the order of the list.

    Attributes:
        results: Of its images with an answer.
        unread: Of its images without one.
    """

    results: list[dict[str, Any]]
    unread: list[dict[str, Any]]


class Parts:
    """Reads and writes them.

    Args:
        storage: Of the job.
        id_kind: Type of image ids: `int` or `str`.
        token: Of the job.
    """

    def __init__(self, storage: Storage, id_kind: type, token: str) -> None:
        self._storage = storage
        self._token = token
        self._results = result_schema(id_kind)
        self._unread = unread_schema(id_kind)

    def done(self) -> set[int]:
        """Numbers of the parts that are finished.

        Raises:
            ClientError: The folder cannot be read.
        """
        return self._numbers(RESULTS)

    def is_done(self, number: int) -> bool:
        """Whether a part is finished.

        Raises:
            ClientError: That cannot be found out.
        """
        return self._storage.exists(self._name(RESULTS, number))

    def with_unread(self) -> set[int]:
        """Numbers of the parts that may have images without an answer.

        Raises:
            ClientError: The folder cannot be read.
        """
        return self._numbers(UNREADABLE)

    def commit(
        self,
        number: int,
        answered: Iterable[Answered],
        unread: Iterable[Unread],
        *,
        earlier: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Write a part; when this returns it is done.

        Args:
            number: Of the part.
            answered: Its images with an answer.
            unread: The others.
            earlier: Of a part that is done and was asked about again: its results, which stay.

        Raises:
            ClientError: It cannot be written.
        """
        without = table(map(unread_row, unread), self._unread)
        results = table([*earlier, *map(result_row, answered)], self._results)
        noted = json.dumps(without.to_pylist()).encode()
        # The copy is first, so that a part of which images have no answer is found by its name.
        if without.num_rows:
            self._storage.write(self._name(UNREADABLE, number), _parquet(without))
        self._storage.write(
            self._name(RESULTS, number),
            _parquet(results.replace_schema_metadata({_UNREAD: noted})),
        )
        if not without.num_rows:
            self._storage.delete(self._name(UNREADABLE, number))

    def read(self, number: int) -> Tables:
        """The rows of a part that is done.

        Raises:
            Damaged: It is none.
            ClientError: It cannot be read.
        """
        name = self._name(RESULTS, number)
        content = self._storage.read(name)
        try:
            found = parquet.read_table(io.BytesIO(content))
            unread: list[dict[str, Any]] = json.loads(found.schema.metadata[_UNREAD])
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{self._storage.url}/{name} is damaged: {error}.") from error
        return Tables(found.to_pylist(), unread)

    def mend(self, number: int, unread: Sequence[dict[str, Any]]) -> None:
        """Make the copy what the results say: two workers that have had one part may leave another.

        Args:
            number: Of a part that is done.
            unread: Its rows, as `read` has them.

        Raises:
            ClientError: It cannot be read or written.
        """
        name = self._name(UNREADABLE, number)
        if not unread:
            self._storage.delete(name)
            return
        content = _parquet(table(unread, self._unread))
        if not self._storage.exists(name) or self._storage.read(name) != content:
            self._storage.write(name, content)

    def take_back(self, number: int) -> None:
        """Make a part one that is not done.

        Raises:
            ClientError: It cannot be deleted.
        """
        self._storage.delete(self._name(RESULTS, number))

    def sweep(self, count: int) -> None:
        """Delete what is none of this job's: parts of one that was given up, and none it can have.

        Args:
            count: How many parts the job has.

        Raises:
            ClientError: They cannot be read or deleted.
        """
        for folder in (RESULTS, UNREADABLE):
            for name in self._storage.names(folder):
                match = _NAME.fullmatch(name)
                if match and (match[2] != self._token or int(match[1]) >= count):
                    self._storage.delete(f"{folder}/{name}")

    def write_empty(self) -> None:
        """Write a table without rows where everything has an answer.

        Raises:
            ClientError: It cannot be written.
        """
        if not self.with_unread():
            empty = _parquet(table((), self._unread))
            self._storage.write(self._name(UNREADABLE, 0), empty)

    def _numbers(self, folder: str) -> set[int]:
        matches = map(_NAME.fullmatch, self._storage.names(folder))
        return {int(match[1]) for match in matches if match and match[2] == self._token}

    def _name(self, folder: str, number: int) -> str:
        return f"{folder}/part-{number:06}-{self._token}.parquet"


def _parquet(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()
