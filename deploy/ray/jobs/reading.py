"""Bytes of image files from storage that many read at once: several at a time, and patiently."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import fsspec
import fsspec.core

_PAUSES_S = (0.2, 1.0, 5.0)
_FOR_GOOD = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ValueError)
"""What waiting does not mend."""


@dataclass(frozen=True)
class Unreadable:
    """Why a file could not be read.

    Attributes:
        type: Name of the error.
        message: The sentence.
    """

    type: str
    message: str


Content: TypeAlias = bytes | Unreadable


class Reader:
    """Reads files ahead of whoever needs them."""

    def __init__(self, threads: int = 16) -> None:
        """Make the threads.

        Args:
            threads: How many files are read at a time.
        """
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    def ahead(self, paths: list[str]) -> Callable[[], list[Content]]:
        """Begin to read files.

        Args:
            paths: Absolute, or URLs that fsspec opens.

        Returns:
            Waits for their contents.
        """
        futures = [self._pool.submit(read, path) for path in paths]
        return lambda: [future.result() for future in futures]


def read(path: str) -> Content:
    """The bytes of a file; what may pass is tried four times in six seconds.

    Args:
        path: Absolute, or a URL that fsspec opens.
    """
    for pause_s in (*_PAUSES_S, None):
        try:
            if "://" not in path:  # fsspec takes `::` in a name for a chain of file systems
                return Path(path).read_bytes()
            filesystem, name = fsspec.core.url_to_fs(path)
            content: bytes = filesystem.cat_file(name)
            return content
        except Exception as error:  # each of fsspec's file systems raises its own
            if pause_s is None or isinstance(error, _FOR_GOOD):
                return Unreadable(type(error).__name__, f"{path} cannot be read: {error}.")
        time.sleep(pause_s)
    raise AssertionError("the last try returns")
