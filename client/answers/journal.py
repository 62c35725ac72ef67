"""Records of a run in a file, one JSON line each, safe against being stopped at any moment."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from client.answers.record import Failure, Record
from client.errors import ClientError

_KIND = "answers of python -m client"
_FORMAT_VERSION = 1


class Journal:
    """Answers by the names of their images; a later record of an image replaces an earlier one.

    The first line says what was asked of whom. Records are read from the file when they are asked
    for: memory holds names and positions alone. One process at a time may have it open.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open, or begin.

        Args:
            path: Of the file.
            settings: What every record of it has in common, as JSON has it; a journal of other
                settings is not gone on with.

        Raises:
            ClientError: Another run has it open, it is of other settings, or it cannot be read or
                written.
        """
        self.path = path
        self._offsets: dict[str, tuple[int, str]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        try:
            self._lock()
            self._read(dict(settings))
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[str]:
        """Names of images, in the order in which they were first answered."""
        return iter(self._offsets)

    def has(self, image: str, fingerprint: str) -> bool:
        """Whether there is a record of that image as it is now.

        Args:
            image: Its name.
            fingerprint: Of the file as it is now.
        """
        return self._offsets.get(image, (0, None))[1] == fingerprint

    def record(self, image: str) -> Record:
        """The record of an image.

        Args:
            image: Its name.

        Raises:
            KeyError: There is none.
        """
        offset, _ = self._offsets[image]
        self._file.seek(offset)
        return _parse(json.loads(self._file.readline()))

    def add(self, record: Record) -> None:
        """Write a record; it is in the file when this returns.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        offset = self._append(asdict(record))
        self._offsets[record.image] = (offset, record.fingerprint)

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._file.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClientError(f"Another run writes {self.path} right now.") from error

    def _read(self, settings: dict[str, Any]) -> None:
        self._file.seek(0)
        header = self._file.readline()
        if not header.endswith(b"\n"):  # new, or stopped before its first line was whole
            self._file.truncate(0)
            self._append({"kind": _KIND, "format_version": _FORMAT_VERSION, "settings": settings})
            return
        self._check(header, settings)
        while True:
            offset = self._file.tell()
            line = self._file.readline()
            try:
                found = json.loads(line)
                image, fingerprint = found["image"], found["fingerprint"]
            except (ValueError, KeyError, TypeError):
                # The end, or the line in which it was stopped: nothing follows such a line.
                self._file.truncate(offset)
                return
            self._offsets[image] = (offset, fingerprint)

    def _check(self, header: bytes, settings: dict[str, Any]) -> None:
        try:
            found = json.loads(header)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("kind") != _KIND:
            raise ClientError(f"{self.path} holds something else than answers.")
        if found["format_version"] != _FORMAT_VERSION:
            raise ClientError(
                f"{self.path} has format version {found['format_version']}; accepted is "
                f"{_FORMAT_VERSION}."
            )
        # As JSON has them: a tuple comes back as a list.
        wanted = json.loads(json.dumps(settings))
        before = found["settings"]
        differences = [
            f"{name} was {before.get(name)!r} and is {wanted.get(name)!r}"
            for name in sorted(before.keys() | wanted.keys())
            if before.get(name) != wanted.get(name)
        ]
        if differences:
            raise ClientError(
                f"{self.path} holds answers of another run ({'; '.join(differences)}), so this one "
                "cannot go on with it: choose another folder, or --restart, which deletes them."
            )

    def _append(self, document: dict[str, Any]) -> int:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        offset = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise ClientError(f"{self.path} cannot be written: {error}.") from error
        return offset


def _parse(found: dict[str, Any]) -> Record:
    failure = found["failure"]
    return Record(
        image=found["image"],
        fingerprint=found["fingerprint"],
        seconds=found["seconds"],
        document=found["document"],
        stages=found["stages"],
        failure=None if failure is None else Failure(**failure),
    )
