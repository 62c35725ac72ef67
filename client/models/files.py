"""Files that are whole whenever the machine stops: written beside their place, synced, renamed."""

import contextlib
import filecmp
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from client.models.errors import StoreError

_PIECE_BYTES = 1 << 20


@contextlib.contextmanager
def in_sentences() -> Iterator[None]:
    """Raise StoreError for whatever a file system refuses."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The model store cannot be changed: {error}.") from error


def digest_of(path: Path) -> str:
    """A file's sha256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, place: Path, *, sha256: str | None = None) -> None:
    """Let a copy appear complete or not at all.

    Args:
        source: A file.
        place: Where its copy goes; what is there is replaced.
        sha256: The digest that the copy has to have; None is the one that the source has now.

    Raises:
        StoreError: The copy has another digest: the source was changed meanwhile.
        OSError: The file system refuses.
    """
    temp = place.with_name(f"{place.name}.copying")
    try:
        with source.open("rb") as given, temp.open("wb") as made:
            shutil.copyfileobj(given, made, _PIECE_BYTES)
            made.flush()
            os.fsync(made.fileno())
        found, expected = digest_of(temp), sha256 or digest_of(source)
        if found != expected:
            raise StoreError(
                f"{source} was changed while it was copied: its sha256 was {expected}, that of the "
                f"copy is {found}."
            )
        temp.replace(place)
    finally:
        temp.unlink(missing_ok=True)
    sync(place.parent)


def write(place: Path, text: str) -> None:
    """Let a text appear complete or not at all."""
    temp = place.with_name(f"{place.name}.writing")
    try:
        with temp.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(place)
    finally:
        temp.unlink(missing_ok=True)
    sync(place.parent)


def is_copy(one: Path, other: Path) -> bool:
    """Whether two files are there and have the same bytes, and neither changes with the other."""
    there = one.exists() and other.exists()
    return there and not one.samefile(other) and filecmp.cmp(one, other, shallow=False)


def sync(folder: Path) -> None:
    """Let a folder's names outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
