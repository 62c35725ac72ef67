"""Archives of a store that a whole cluster reads: a folder, or any URL that fsspec opens."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import fsspec.core
import yaml

from client.models.archive import Archive, digest_file_of, verify
from client.models.errors import ArchiveRefused

CACHE_VARIABLE = "DETECTRON2_ARCHIVE_CACHE"


@dataclass(frozen=True)
class Pinned:
    """One archive of a store, and the digest that it is held to.

    Attributes:
        url: A path that every node has, or a URL such as `s3://bucket/models/coins.mar`.
        sha256: Hex digest of the file; another file under the same URL is refused.
    """

    url: str
    sha256: str


def list_archives(store: str) -> list[str]:
    """URLs of a store's archives by name; hidden ones are not listed.

    Args:
        store: A folder, or a URL that fsspec opens.

    Raises:
        ArchiveRefused: The store cannot be read.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(store)
        found = [str(one) for one in filesystem.ls(path, detail=False)]
    except Exception as error:  # each of fsspec's file systems raises its own
        raise ArchiveRefused(f"The store {store} cannot be read: {_said(error)}.") from error
    names = sorted(name for one in found if (name := one.rstrip("/").rpartition("/")[2]))
    return [
        f"{store.rstrip('/')}/{name}"
        for name in names
        if name.endswith(".mar") and not name.startswith(".")
    ]


def look_at(url: str) -> Archive:
    """Fetch an archive, hold it against the digests of its export, and say what it is.

    Raises:
        ArchiveRefused: It cannot be read, or is not what was exported.
    """
    with _fetched(url) as archive:
        return verify(archive)


def settings_of(url: str) -> dict[str, Any]:
    """TorchServe's settings of the model in an archive: its `model-config.yaml`.

    Raises:
        ArchiveRefused: It cannot be read.
    """
    with _fetched(url) as file, zipfile.ZipFile(file) as archive:
        content = yaml.safe_load(archive.read("model-config.yaml").decode("utf-8"))
    return content if isinstance(content, dict) else {}


def open_archive(pinned: Pinned, cache: Path | None = None) -> Path:
    """The folder that an archive was opened in on this node; opened where it is not yet.

    Processes that open the same archive at the same time do not disturb each other: each opens it
    for itself, and the first one's folder stays.

    Args:
        pinned: The archive.
        cache: Folder of opened archives. Without one the variable `DETECTRON2_ARCHIVE_CACHE` says
            it, or it is in the system's folder for temporary files.

    Raises:
        ArchiveRefused: It cannot be read, has another digest, or is not what was exported.
    """
    folder = (cache or _cache()) / pinned.sha256
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _fetched(pinned.url) as file:
        archive = verify(file)
        if archive.sha256 != pinned.sha256:
            raise ArchiveRefused(
                f"{pinned.url} has the sha256 {archive.sha256}, and {pinned.sha256} is expected."
            )
        opening = Path(tempfile.mkdtemp(prefix=".opening-", dir=folder.parent))
        try:
            with zipfile.ZipFile(file) as opened:
                opened.extractall(opening)
            opening.rename(folder)
        except OSError:
            if not folder.is_dir():  # nobody was first
                raise
        finally:
            shutil.rmtree(opening, ignore_errors=True)
    return folder


@contextmanager
def _fetched(url: str) -> Iterator[Path]:
    """The archive as a file of this machine, its digest file beside it where it has one."""
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        local = isinstance(filesystem, fsspec.get_filesystem_class("file"))
        if local:
            if not Path(path).is_file():
                raise FileNotFoundError("there is no such file on this machine")
            yield Path(path)
            return
        with tempfile.TemporaryDirectory(prefix="archive-") as folder:
            archive = Path(folder, url.rpartition("/")[2])
            filesystem.get_file(path, str(archive))
            beside = digest_file_of(archive)
            if filesystem.exists(f"{path}.sha256"):
                filesystem.get_file(f"{path}.sha256", str(beside))
            try:
                yield archive
            except ArchiveRefused as error:  # of what the user knows under its URL
                raise ArchiveRefused(str(error).replace(str(archive), url)) from error
    except ArchiveRefused:
        raise
    except Exception as error:
        raise ArchiveRefused(f"{url} cannot be read: {_said(error)}.") from error


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    # The user's own: what stands in a folder that others can write is not to be believed.
    return (
        Path(named) if named else Path(tempfile.gettempdir(), f"detectron2-archives-{os.getuid()}")
    )


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
