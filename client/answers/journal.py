"""Records of a run in a file, one JSON line each, safe against being stopped at any moment."""

import contextlib
import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from client.answers.record import Failure, Record
from client.errors import ClientError

_KIND = "answers of python -m client"
_FORMAT_VERSION = 1
_BEGINNING = json.dumps({"kind": _KIND}, separators=(",", ":")).encode()[:-1]
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Some file systems of clusters are mounted without locks."""


class _Place(NamedTuple):
    offset: int
    length: int
    fingerprint: str


@dataclass(frozen=True)
class Header:
    """The first line of a journal.

    Attributes:
        settings: What every record has in common.
        about: What else was known when it was begun.
    """

    settings: dict[str, Any]
    about: dict[str, Any] | None


class Journal:
    """Answers by the names of their images; a later record of an image replaces an earlier one.

    The first line says what was asked of whom. Records are read from the file when they are asked
    for: memory holds names and positions alone. One process at a time may have it open; its threads
    may share it.

    Attributes:
        path: Of the file.
        about: What else was known when it was begun.
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
            restart: Whether to delete what it holds.

        Raises:
            ClientError: Another run has it open, it is of other settings, it is no journal, or it
                cannot be read or written.
        """
        self.path = path
        self.about = None if about is None else dict(about)
        self.is_new = True
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        try:
            self._claim()
            self._index(dict(settings), restart=restart)
            self._opened_at = self._end()
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

    def _index(self, settings: dict[str, Any], *, restart: bool) -> None:
        with self.path.open("rb") as file:
            header = file.readline()
            # As far as it goes: a run may have been stopped in its first line.
            if not (header.startswith(_BEGINNING) or _BEGINNING.startswith(header)):
                raise ClientError(f"{self.path} holds something else than answers.")
            self.is_new = not header.endswith(b"\n")
            if restart or self.is_new:
                os.ftruncate(self._file, 0)
                self._append(
                    {
                        "kind": _KIND,
                        "format_version": _FORMAT_VERSION,
                        "settings": settings,
                        "about": self.about,
                    }
                )
                return
            before = _header(header, self.path)
            _check(before.settings, settings, self.path)
            self.about = before.about
            offset = len(header)
            for line in file:
                if not line.endswith(b"\n"):  # where an earlier run was stopped
                    os.ftruncate(self._file, offset)
                    return
                self._index_line(line, offset)
                offset += len(line)

    def _index_line(self, line: bytes, offset: int) -> None:
        try:
            record = _parse(json.loads(line), earlier=True)
        except (ValueError, KeyError, TypeError):
            return  # damaged: it is asked about again
        if record.failure is not None and record.failure.may_pass:
            self._places.pop(record.image, None)
        else:
            self._places[record.image] = _Place(offset, len(line), record.fingerprint)

    def _append(self, document: dict[str, Any]) -> tuple[int, int]:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        with self._lock:
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


def header_of(path: Path) -> Header | None:
    """What a journal says of itself; None where there is none yet.

    Args:
        path: Of the file.

    Raises:
        ClientError: It is something else, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = file.readline()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error}.") from error
    if not header.endswith(b"\n"):
        return None
    return _header(header, path)


def _check(before: dict[str, Any], settings: dict[str, Any], path: Path) -> None:
    # As JSON has them: a tuple comes back as a list.
    wanted = json.loads(json.dumps(settings))
    differences = [
        f"{name} was {before.get(name)!r} and is {wanted.get(name)!r}"
        for name in sorted(before.keys() | wanted.keys())
        if before.get(name) != wanted.get(name)
    ]
    if differences:
        raise ClientError(
            f"{path} holds answers of another run ({'; '.join(differences)}), so this one cannot "
            "go on with it: choose another folder, or --restart, which deletes them."
        )


def _header(line: bytes, path: Path) -> Header:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        raise ClientError(f"{path} holds something else than answers.")
    if found["format_version"] != _FORMAT_VERSION:
        raise ClientError(
            f"{path} has format version {found['format_version']}; accepted is {_FORMAT_VERSION}."
        )
    return Header(found["settings"], found["about"])


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
