"""An archive's file and the digest beside it: two files, in no moment a wrong pair of them."""

import contextlib
from pathlib import Path

from client.models.archive import Archive, digest_file_of
from client.models.files import copy, sync, write


def copy_archive(archive: Archive, place: Path) -> None:
    """Let a copy of an archive appear, complete or not at all, and its digest beside it.

    Raises:
        client.models.errors.StoreError: The archive is not what was verified any more.
        OSError: The file system refuses.
    """
    digest_file_of(place).unlink(missing_ok=True)  # of another one, from before
    copy(archive.path, place, sha256=archive.sha256)
    write(digest_file_of(place), _line(archive.sha256, place))


def put_archive(staged: Path | None, place: Path, digest: str | None) -> None:
    """Let the archive at a place be another one by a rename, and say its digest beside it.

    Args:
        staged: The file that is renamed; None leaves the one that is there.
        place: Where it goes.
        digest: What the file beside it says; None is no file.

    Raises:
        OSError: The file system refuses.
    """
    beside = digest_file_of(place)
    if staged is not None:
        # Without a digest an archive is only unproven; beside a wrong one it is damaged.
        beside.unlink(missing_ok=True)
        staged.replace(place)
        sync(place.parent)
    if digest is None:
        beside.unlink(missing_ok=True)
    elif digest_text(place) != digest:
        write(beside, digest)


def delete_archive(place: Path) -> None:
    """Delete an archive and its digest, those of them that are there.

    Raises:
        OSError: The file system refuses.
    """
    digest_file_of(place).unlink(missing_ok=True)
    place.unlink(missing_ok=True)
    sync(place.parent)


def digest_text(archive: Path) -> str | None:
    """What the file beside an archive says as it stands; None where it cannot be read."""
    with contextlib.suppress(OSError, UnicodeError):
        return digest_file_of(archive).read_text(encoding="utf-8")
    return None


def digest_for(copied: Path, place: Path) -> str | None:
    """What the file beside a copy has to say; None where none is beside the original.

    Args:
        copied: An archive whose digest `copy_archive` wrote.
        place: Where its copy goes.
    """
    words = (digest_text(copied) or "").split()
    return _line(words[0], place) if words else None


def _line(sha256: str, place: Path) -> str:
    return f"{sha256}  {place.name}\n"  # as sha256sum writes it
