"""Where a job writes: a folder that every node has, or a place of an object store."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import fsspec.core

from client.errors import ClientError


class Storage:
    """Files by names below one folder; each is there whole or not at all, whoever is killed.

    On file systems a file is written under a hidden name and renamed; object stores show an object
    when all of it has arrived.

    Attributes:
        url: The folder, absolute, or a URL that fsspec opens.
    """

    def __init__(self, url: str) -> None:
        """Name the folder; nothing is made or read.

        Args:
            url: A path or a URL.

        Raises:
            ClientError: No such kind of URL is known here.
        """
        try:
            self._filesystem, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError, OSError) as error:
            raise ClientError(f"{url} cannot be opened: {error}.") from error
        self._is_local = is_local(self._filesystem)
        self.url: str = str(Path(self._root).resolve()) if self._is_local else url.rstrip("/")

    @property
    def folder(self) -> Path | None:
        """The folder; None where it is none of a file system."""
        return Path(self._root) if self._is_local else None

    def names(self, folder: str) -> list[str]:
        """Names of a folder's files in order, hidden ones not; none where there is no folder.

        Raises:
            ClientError: It cannot be read.
        """
        self._filesystem.invalidate_cache()  # other processes write
        try:
            found = self._filesystem.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:  # each of fsspec's file systems raises its own
            raise ClientError(f"{self._path(folder)} cannot be read: {error}.") from error
        names = (str(one).rstrip("/").rpartition("/")[2] for one in found)
        return sorted(name for name in names if not name.startswith("."))

    def exists(self, name: str) -> bool:
        """Whether there is such a file.

        Raises:
            ClientError: That cannot be found out.
        """
        if self._is_local:
            return Path(self._path(name)).exists()
        self._filesystem.invalidate_cache()
        try:
            return bool(self._filesystem.exists(self._path(name)))
        except Exception as error:
            raise ClientError(f"{self._path(name)} cannot be read: {error}.") from error

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """A file for reading, which can seek.

        Raises:
            ClientError: It cannot be read.
        """
        try:
            with self._filesystem.open(self._path(name), "rb") as file:
                yield file
        except Exception as error:
            raise ClientError(f"{self._path(name)} cannot be read: {error}.") from error

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            ClientError: It cannot be read.
        """
        with self.opened(name) as file:
            content: bytes = file.read()
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file, or write over it.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        if self._is_local:
            with self.replacing(name) as temp:
                temp.write_bytes(content)
            return
        try:
            self._filesystem.pipe_file(self._path(name), content)
        except Exception as error:
            raise ClientError(f"{self._path(name)} cannot be written: {error}.") from error

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Give a path to write to; what was written takes the file's place at the end.

        Several processes may do so at a time: one of them is the last, and its file is whole.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        path = self._path(name)
        try:
            temp = self._temporary(path)
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        try:
            yield temp
            if self._is_local:
                _to_disk(temp)
                temp.replace(path)
            else:
                self._put(temp, path)
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        finally:
            temp.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Delete a file where it is there.

        Raises:
            ClientError: It cannot be deleted.
        """
        try:
            with contextlib.suppress(FileNotFoundError):
                self._filesystem.rm_file(self._path(name))
        except Exception as error:
            raise ClientError(f"{self._path(name)} cannot be deleted: {error}.") from error

    def sweep(self, folder: str) -> None:
        """Delete what killed processes have left half written; nobody else writes there now.

        Args:
            folder: Of which files are looked at, and not its folders; the empty text is the whole.
        """
        if self._is_local:
            for one in Path(self._path(folder)).glob(".*.part"):
                one.unlink(missing_ok=True)

    def _temporary(self, path: str) -> Path:
        """Where a file grows: hidden beside its place, or on this machine's disk."""
        if self._is_local:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return Path(path).with_name(f".{Path(path).name}.{uuid.uuid4().hex}.part")
        handle, file = tempfile.mkstemp(prefix="job-")
        os.close(handle)
        return Path(file)

    def _put(self, file: Path, path: str) -> None:
        try:
            self._filesystem.put_file(str(file), path)
        except Exception as error:  # each of fsspec's file systems raises its own
            raise ClientError(f"{path} cannot be written: {error}.") from error

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}".rstrip("/")


def is_local(filesystem: Any) -> bool:
    """Whether it is that of the machine, network file systems included."""
    return type(filesystem) is fsspec.get_filesystem_class("file")


def _to_disk(file: Path) -> None:
    """A rename may outlive a loss of power that the content does not."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
