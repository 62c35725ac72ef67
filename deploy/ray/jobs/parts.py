"""The finished parts of a job: two tables each, of which the one of results says that it is done.

A part is asked about by one worker and written with one rename. Its name is its place in the list,
so whoever asks about it again, because a worker or a node was lost, writes the same file: no image
is there twice, and none is missing of a part that is there.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

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

_NAME = re.compile(r"part-(\d{6,})\.parquet")


class Parts:
    """Reads and writes them.

    Args:
        storage: Of the job.
        id_kind: Type of image ids: `int` or `str`.
    """

    def __init__(self, storage: Storage, id_kind: type) -> None:
        self._storage = storage
        self._results = result_schema(id_kind)
        self._unread = unread_schema(id_kind)

    def done(self) -> set[int]:
        """Numbers of the parts that are finished.

        Raises:
            ClientError: The folder cannot be read.
        """
        return self._numbers(RESULTS)

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
        unread: Sequence[Unread],
        *,
        earlier: Sequence[dict[str, Any]] | None = None,
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
        # What fails is in one table before, or in both for a moment, and never in none: see unread.
        without = [unread_row(one) for one in unread]
        results = [*(earlier or ()), *map(result_row, answered)]
        if earlier is None:
            self._write_unread(number, without)
        self._storage.write(_name(RESULTS, number), _parquet(table(results, self._results)))
        if earlier is not None:
            self._write_unread(number, without)

    def results(self, number: int) -> list[dict[str, Any]]:
        """The rows of a part's images with an answer, in their order.

        Raises:
            ClientError: It cannot be read.
        """
        return self._read(_name(RESULTS, number))

    def unread(self, number: int, results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows of its images without one, in their order.

        What has an answer is none of them: a worker that is killed after it has asked again leaves
        such rows, and they are taken out here.

        Args:
            number: Of the part.
            results: Its results.

        Raises:
            ClientError: It cannot be read or written.
        """
        name = _name(UNREADABLE, number)
        if not self._storage.exists(name):
            return []
        rows = self._read(name)
        answered = {row["index"] for row in results}
        left = [row for row in rows if row["index"] not in answered]
        if len(left) < len(rows):
            self._write_unread(number, left)
        return left

    def take_back(self, number: int) -> None:
        """Make a part one that is not done.

        Raises:
            ClientError: It cannot be deleted.
        """
        self._storage.delete(_name(RESULTS, number))

    def write_empty(self) -> None:
        """Write tables without rows where nothing has an answer, or everything has one.

        Raises:
            ClientError: They cannot be written.
        """
        if not self.with_unread():
            empty = _parquet(table((), self._unread))
            self._storage.write(_name(UNREADABLE, 0), empty)

    def _write_unread(self, number: int, rows: Sequence[dict[str, Any]]) -> None:
        name = _name(UNREADABLE, number)
        if rows:
            self._storage.write(name, _parquet(table(rows, self._unread)))
        else:
            self._storage.delete(name)

    def _read(self, name: str) -> list[dict[str, Any]]:
        content = self._storage.read(name)
        try:
            found: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content)).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise ClientError(f"{self._storage.url}/{name} is damaged: {error}.") from error
        return found

    def _numbers(self, folder: str) -> set[int]:
        matches = map(_NAME.fullmatch, self._storage.names(folder))
        return {int(match[1]) for match in matches if match}


def _name(folder: str, number: int) -> str:
    return f"{folder}/part-{number:06}.parquet"


def _parquet(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()
