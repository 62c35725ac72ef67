"""Archives of a store that a whole cluster reads: a folder, or any URL that fsspec opens."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
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
_OPENING = ".opening-"
_LEFT_S = 24 * 3600


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
        if _is_local(filesystem):
            store = path  # absolute, for processes that run elsewhere
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
    for itself, and the first one's folder stays. A folder that is damaged, as by what clears old
    files away, is made anew.

    Args:
        pinned: The archive.
        cache: Folder of opened archives. Without one the variable `DETECTRON2_ARCHIVE_CACHE` says
            it, or it is in the user's own cache.

    Raises:
        ArchiveRefused: It cannot be read, has another digest, or is not what was exported; or
            others than this user can write into the cache.
    """
    cache = cache or _cache()
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_if_others_write(cache)
    folder = cache / pinned.sha256
    if is_whole(folder):
        return folder
    _clear(cache, folder)
    with _fetched(pinned.url) as path, path.open("rb") as file:
        verify(path)
        # Of the file that is opened next: another may have taken its place meanwhile.
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != pinned.sha256:
            raise ArchiveRefused(
                f"{pinned.url} has the sha256 {sha256}, and {pinned.sha256} is expected."
            )
        opening = Path(tempfile.mkdtemp(prefix=_OPENING, dir=cache))
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(opening)
            opening.rename(folder)
        except OSError:
            if not is_whole(folder):  # nobody was first
                raise
        finally:
            shutil.rmtree(opening, ignore_errors=True)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether an opened archive has every file that its export wrote, as it wrote it.

    Its `model-config.yaml` is its owner's to change before the archive gets its digest.
    """
    try:
        files = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["files"]
        for name, sha256 in files.items():
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256 and name != "model-config.yaml":
                return False
    except (OSError, ValueError, KeyError):
        return False
    return True


def _clear(cache: Path, folder: Path) -> None:
    """Take away what is damaged, and what killed processes have left."""
    if folder.exists():
        damaged = tempfile.mkdtemp(prefix=_OPENING, dir=cache)
        with contextlib.suppress(OSError):  # another process was first
            folder.rename(Path(damaged, folder.name))
        shutil.rmtree(damaged, ignore_errors=True)
    for left in cache.glob(f"{_OPENING}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


def _refuse_if_others_write(cache: Path) -> None:
    """What runs in a replica lies there."""
    found = cache.stat()
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ArchiveRefused(
            f"Archives are not opened in {cache}: it belongs to user {found.st_uid} and has the "
            f"mode {stat.filemode(found.st_mode)}; only user {os.getuid()} may write there. "
            f"{CACHE_VARIABLE} names another folder."
        )


@contextmanager
def _fetched(url: str) -> Iterator[Path]:
    """The archive as a file of this machine, its digest file beside it where it has one."""
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        if _is_local(filesystem):
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


def _is_local(filesystem: Any) -> bool:
    return type(filesystem) is fsspec.get_filesystem_class("file")


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else home / "detectron2-archives"


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
