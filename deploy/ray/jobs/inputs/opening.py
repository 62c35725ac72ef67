"""What was named as the input -> what it is, and its images."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import fsspec
import fsspec.core

from client.classes import Category
from client.errors import ClientError
from deploy.ray.jobs.inputs.coco import categories_of_coco, images_of_coco
from deploy.ray.jobs.inputs.folder import images_of_folder
from deploy.ray.jobs.inputs.paths import parent
from deploy.ray.jobs.inputs.table import images_of_table
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.storage import is_local

_PARQUET = b"PAR1"
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Input:
    """What a job is asked about.

    Attributes:
        kind: What it is.
        url: Absolute path, or URL.
        images: Folder or URL that relative paths are relative to; of a folder it itself.
        column: Of a table: has the paths.
        id_column: Of a table: has the ids.
        fingerprint: Differs when a file has changed; of a folder of images the empty text.
    """

    kind: Literal["folder", "coco", "table"]
    url: str
    images: str
    column: str | None = None
    id_column: str | None = None
    fingerprint: str = ""

    def listed(self, *, output: Path | None = None) -> Iterator[Listed]:
        """Its images, one at a time.

        Args:
            output: A folder that is written to, and left out of folders.

        Raises:
            ClientError: It cannot be read, or is not what it should be.
        """
        filesystem, path = fsspec.core.url_to_fs(self.url)
        if self.kind == "folder":
            return images_of_folder(filesystem, path, output=output)
        if self.kind == "coco":
            return images_of_coco(filesystem, path, images=self.images)
        return images_of_table(
            filesystem,
            path,
            column=str(self.column),
            id_column=self.id_column,
            images=self.images,
        )

    def categories(self) -> list[Category]:
        """Of a COCO file; else none.

        Raises:
            ClientError: It cannot be read.
        """
        if self.kind != "coco":
            return []
        return categories_of_coco(*fsspec.core.url_to_fs(self.url))


def open_input(
    word: str,
    *,
    images: str | None = None,
    column: str | None = None,
    id_column: str | None = None,
) -> Input:
    """See what an input is: by its content, not its name.

    Args:
        word: A path, or a URL that fsspec opens.
        images: Folder or URL that relative paths in a file are relative to; None is the file's.
        column: The column of a table that has the paths.
        id_column: The one that has ids.

    Raises:
        ClientError: There is nothing there, it is of no kind that is accepted, or what was said
            beside it does not go with it.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(word)
        is_folder = bool(filesystem.isdir(path))
        if not is_folder and not filesystem.exists(path):
            raise ClientError(f"There is no file or folder {word}.")
        url = _url(filesystem, path)
        kind = _kind(filesystem, path, is_folder, column)
        fingerprint = "" if kind == "folder" else _fingerprint(filesystem, path, is_folder)
    except ClientError:
        raise
    except Exception as error:  # each of fsspec's file systems raises its own
        raise ClientError(f"{word} cannot be read: {error}.") from error
    _check(word, kind, images, column, id_column)
    base = url if kind == "folder" else _base(images) if images else parent(url)
    return Input(kind, url, base, column, id_column, fingerprint)


def _url(filesystem: Any, path: str) -> str:
    return str(Path(path).resolve()) if is_local(filesystem) else filesystem.unstrip_protocol(path)


def _base(images: str) -> str:
    return _url(*fsspec.core.url_to_fs(images))


def _kind(
    filesystem: Any, path: str, is_folder: bool, column: str | None
) -> Literal["folder", "coco", "table"]:
    if is_folder:
        return "folder" if column is None else "table"
    with filesystem.open(path, "rb") as file:
        start = file.read(256)
    if start[:4] == _PARQUET:
        return "table"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return "coco"
    raise ClientError(
        f"{path} is no folder, COCO file or Parquet table: it begins with {start[:16]!r}."
    )


def _check(
    word: str, kind: str, images: str | None, column: str | None, id_column: str | None
) -> None:
    problems = []
    if kind == "table" and column is None:
        problems.append("--column has to name its column of paths")
    if kind == "folder" and images is not None:
        problems.append("--images goes with COCO files and tables")
    if kind != "table":
        named = (("--column", column), ("--id-column", id_column))
        problems += [f"{one} goes with tables" for one, value in named if value is not None]
    if problems:
        what = {"folder": "a folder", "coco": "a COCO file", "table": "a Parquet table"}[kind]
        raise ClientError(f"{word} is {what}: {'; '.join(problems)}.")


def _fingerprint(filesystem: Any, path: str, is_folder: bool) -> str:
    if is_folder:
        found = filesystem.find(path, detail=True)
        text = "\n".join(f"{name} {found[name].get('size')}" for name in sorted(found))
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    if not is_local(filesystem):
        return str(filesystem.ukey(path))  # object stores keep a digest
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
