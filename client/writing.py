"""Files that are there whole or not at all, JSON that is written as it comes, and printed text."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from client.errors import ClientError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; what was written takes the place of the file at the end.

    Where the block fails, the file stays as it was.

    Args:
        path: Of the file, which nobody else writes now; its folder is made where it is not there.

    Raises:
        ClientError: The disk is full, or another trouble of it.
    """
    # The suffix stays: what writes videos goes by it.
    temp = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temp
        temp.replace(path)
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_text(path: Path) -> Iterator[IO[str]]:
    r"""The same, opened as text in UTF-8.

    What UTF-8 does not have, as Python reads the names of files that are not UTF-8, is written as
    `\udcdf`: that is how JSON has it, and a reader in Python gets the name that opens the file.
    """
    with (
        replacing(path) as temp,
        temp.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        yield file


def print_text(text: str) -> None:
    """Print, with escapes for characters that the terminal's encoding does not have."""
    if sys.stdout is None:  # as Python has it where the descriptor was closed
        return
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def write_json(path: Path, document: Any) -> None:
    """Write a document."""
    with replacing_text(path) as file:
        file.write(f"{json.dumps(document, indent=2, ensure_ascii=False)}\n")


class JsonList:
    """A list of a JSON document, written entry by entry, one a line."""

    def __init__(self, file: IO[str]) -> None:
        """Begin it.

        Args:
            file: Where it goes.
        """
        self._file = file
        self._count = 0
        file.write("[")

    def add(self, entry: Any) -> None:
        """Write an entry."""
        self._file.write(",\n" if self._count else "\n")
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
        self._count += 1

    def end(self) -> None:
        """Close the list."""
        self._file.write("\n]" if self._count else "]")
