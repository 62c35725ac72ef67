"""Where a job writes: a folder that every node has, or a place of an object store."""

import contextlib
import errno
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import fsspec.core

from client.errors import ClientError

_T = TypeVar("_T")

_PAUSES_S = (0.2, 1.0, 5.0, 20.0)
_FOR_GOOD = (
    *(FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError),
    *(PermissionError, NotImplementedError, ValueError, ClientError),
)
_FOR_GOOD_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What waiting does not mend: a job that cannot write goes on when somebody has made room."""


class Fault(ClientError):
    """A trouble of storage that may pass, and did not within half a minute."""


class Storage:
    """Files by names below one folder; each is there whole or not at all, whoever is killed.

    A trouble that may pass is tried five times in half a minute. On file systems a file is written
    under a hidden name and renamed; object stores show an object when all of it has arrived.

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

        def listed() -> list[Any]:
            self._filesystem.invalidate_cache()  # other processes write
            try:
                return list(self._filesystem.ls(self._path(folder), detail=False))
            except FileNotFoundError:
                return []

        found = self._patiently(listed, folder, "read")
        names = (str(one).rstrip("/").rpartition("/")[2] for one in found)
        return sorted(name for name in names if not name.startswith("."))

    def exists(self, name: str) -> bool:
        """Whether there is such a file.

        Raises:
            ClientError: That cannot be found out.
        """
        if self._is_local:
            return Path(self._path(name)).exists()

        def there() -> bool:
            self._filesystem.invalidate_cache()
            return bool(self._filesystem.exists(self._path(name)))

        return self._patiently(there, name, "read")

    def using(self, name: str, read: Callable[[Any], _T]) -> _T:
        """What is read from a file.

        Args:
            name: Of the file.
            read: Gets it open, and may seek; called again where it fails of what may pass.

        Raises:
            ClientError: It cannot be read.
        """

        def opened() -> _T:
            with self._filesystem.open(self._path(name), "rb") as file:
                return read(file)

        return self._patiently(opened, name, "read")

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            ClientError: It cannot be read.
        """
        content: bytes = self.using(name, lambda file: file.read())
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file, or write over it.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """

        def written() -> None:
            if not self._is_local:
                self._filesystem.pipe_file(self._path(name), content)
                return
            temp = self._temporary(self._path(name))
            try:
                temp.write_bytes(content)
                self._moved(temp, self._path(name))
            finally:
                temp.unlink(missing_ok=True)

        self._patiently(written, name, "written")

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Give a path to write to; what was written takes the file's place at the end.

        Several processes may do so at a time: one of them is the last, and its file is whole.

        Raises:
            ClientError: The disk is full, or another trouble of it.
        """
        path = self._path(name)
        temp = self._patiently(lambda: self._temporary(path), name, "written")
        try:
            yield temp
            self._patiently(lambda: self._moved(temp, path), name, "written")
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error}.") from error
        finally:
            temp.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Delete a file where it is there.

        Raises:
            ClientError: It cannot be deleted.
        """

        def deleted() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._filesystem.rm_file(self._path(name))

        self._patiently(deleted, name, "deleted")

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

    def _moved(self, temp: Path, path: str) -> None:
        if self._is_local:
            _to_disk(temp)
            temp.replace(path)
        else:
            self._filesystem.put_file(str(temp), path)

    def _patiently(self, action: Callable[[], _T], name: str, done: str) -> _T:
        for pause_s in (*_PAUSES_S, None):
            try:
                return action()
            except Exception as error:  # each of fsspec's file systems raises its own
                if pause_s is None or _is_for_good(error):
                    kind = ClientError if _is_for_good(error) else Fault
                    raise kind(f"{self._path(name)} cannot be {done}: {error}.") from error
            time.sleep(pause_s)
        raise AssertionError("the last try returns")

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}".rstrip("/")


def is_local(filesystem: Any) -> bool:
    """Whether it is that of the machine, network file systems included."""
    return type(filesystem) is fsspec.get_filesystem_class("file")


def _is_for_good(error: Exception) -> bool:
    return isinstance(error, _FOR_GOOD) or getattr(error, "errno", None) in _FOR_GOOD_NUMBERS


def _to_disk(file: Path) -> None:
    """A rename may outlive a loss of power that the content does not."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
