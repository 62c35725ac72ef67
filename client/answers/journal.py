"""Records of a run in a file, one JSON line each, safe against being stopped at any moment."""

import contextlib
import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from client.answers.header import BEGINNING, Header, refuse_other_settings
from client.answers.record import Failure, Record
from client.errors import ClientError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Some file systems of clusters are mounted without locks."""


class _Place(NamedTuple):
    offset: int
    length: int
    fingerprint: str


class Journal:
    """Answers by the names of their images; a later record of an image replaces an earlier one.

    The first line says what was asked of whom. Records are read from the file when they are asked
    for: memory holds names and positions alone. One process at a time may have it open; its threads
    may share it.

    Attributes:
        path: Of the file.
        about: What else is known.
        is_about_all: Whether it was known before the first record.
        begun: When it was begun, in ISO 8601; None where an older client did not write it.
        is_new: Whether there was none before; one that is begun again is none that is new.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        about: Mapping[str, Any] | None = None,
        restart: bool = False,
    ) -> None:
        """Open, or begin.

        Args:
            path: Of the file.
            settings: What every record of it has in common, as JSON has it; a journal of other
                settings is not gone on with.
            about: What else to keep in a new one.
            restart: Whether to delete what it holds, when `begin` or `add` is called first.

        Raises:
            ClientError: Another run has it open, it is of other settings, it is no journal, or it
                cannot be read or written.
        """
        self.path = path
        self.about = None if about is None else dict(about)
        self.is_about_all = True
        self.begun: str | None = datetime.now().astimezone().isoformat(timespec="seconds")
        self.is_new = True
        self._deletes = False
        self._settings = dict(settings)
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        try:
            self._claim()
            self._index(restart=restart)
            self._opened_at = 0 if self._deletes else self._end()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        """Names of images, in the order in which they were first answered."""
        return iter(self._places)

    def __contains__(self, image: object) -> bool:
        """Whether there is a record of that image, as it was when it was asked about."""
        return image in self._places

    def has(self, image: str, fingerprint: str) -> bool:
        """Whether there is a record of that image as it is now.

        Failures of an earlier run that may pass do not count.

        Args:
            image: Its name.
            fingerprint: Of the file as it is now.
        """
        place = self._places.get(image)
        return place is not None and place.fingerprint == fingerprint

    def record(self, image: str) -> Record:
        """The record of an image.

        Args:
            image: Its name.

        Raises:
            KeyError: There is none.
        """
        place = self._places[image]
        line = os.pread(self._file, place.length, place.offset)
        return _parse(json.loads(line), earlier=place.offset < self._opened_at)

    def begin(self) -> None:
        """Delete what was to be deleted: a run that is refused before it begins deletes nothing.

        Raises:
            ClientError: It cannot be written.
        """
        with self._lock:
            self._begin()

    def describe(self, about: Mapping[str, Any]) -> None:
        """Keep what else is known, in place of what was known before.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        self._append({"about": dict(about)})
        self._take(about)

    def add(self, record: Record) -> None:
        """Write a record; it is in the file when this returns.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        failure = record.failure
        offset, length = self._append(
            {
                "image": record.image,
                "fingerprint": record.fingerprint,
                "seconds": record.seconds,
                "document": record.document,
                "stages": dict(record.stages),
                "failure": None if failure is None else asdict(failure),
            }
        )
        self._places[record.image] = _Place(offset, length, record.fingerprint)

    def close(self) -> None:
        """Close the file; what was written stays."""
        with contextlib.suppress(OSError):  # closed before
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClientError(f"Another run writes {self.path} right now.") from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise ClientError(f"{self.path} cannot be locked: {error}.") from error

    def _index(self, *, restart: bool) -> None:
        with self.path.open("rb") as file:
            header = file.readline()
            # As far as it goes: a run may have been stopped in its first line.
            if not (header.startswith(BEGINNING) or BEGINNING.startswith(header)):
                raise ClientError(f"{self.path} holds something else than answers.")
            self.is_new = not header.endswith(b"\n")
            self._deletes = restart or self.is_new
            if self.is_new:
                self.begin()
            if restart or self.is_new:
                return
            before = Header.from_line(header, self.path)
            refuse_other_settings(before.settings, self._settings, self.path)
            self.about, self.begun = before.about, before.begun
            offset = len(header)
            for line in file:
                if not line.endswith(b"\n"):  # where an earlier run was stopped
                    os.ftruncate(self._file, offset)
                    return
                self._index_line(line, offset)
                offset += len(line)

    def _index_line(self, line: bytes, offset: int) -> None:
        try:
            found = json.loads(line)
            if found.keys() == {"about"}:
                self._take(found["about"])
                return
            record = _parse(found, earlier=True)
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # damaged: it is asked about again
        if record.failure is not None and record.failure.may_pass:
            self._places.pop(record.image, None)
        else:
            self._places[record.image] = _Place(offset, len(line), record.fingerprint)

    def _take(self, about: Mapping[str, Any]) -> None:
        self.about = dict(about)
        self.is_about_all = not self._places

    def _begin(self) -> None:
        if not self._deletes:
            return
        try:
            os.ftruncate(self._file, 0)
        except OSError as error:
            raise ClientError(f"{self.path} cannot be written: {error}.") from error
        self._write(Header(self._settings, self.about, self.begun).document())
        self._deletes = False

    def _append(self, document: dict[str, Any]) -> tuple[int, int]:
        with self._lock:
            self._begin()
            return self._write(document)

    def _write(self, document: dict[str, Any]) -> tuple[int, int]:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        offset = self._end()
        try:
            _write_all(self._file, line)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, offset)  # no half line before the next one
            raise ClientError(f"{self.path} cannot be written: {error}.") from error
        return offset, len(line)

    def _end(self) -> int:
        return os.lseek(self._file, 0, os.SEEK_END)


def _parse(found: dict[str, Any], *, earlier: bool) -> Record:
    failure = found["failure"]
    return Record(
        image=found["image"],
        fingerprint=found["fingerprint"],
        seconds=found["seconds"],
        document=found["document"],
        stages=found["stages"],
        failure=None if failure is None else Failure(**failure),
        earlier=earlier,
    )


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
