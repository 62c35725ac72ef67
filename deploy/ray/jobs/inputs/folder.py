"""The images of a folder and its folders, as `python -m client predict` takes and numbers them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from client.errors import ClientError
from client.inputs.finding import IMAGE_SUFFIXES
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.storage import is_local


def images_of_folder(filesystem: Any, root: str, *, output: Path | None) -> Iterator[Listed]:
    """List images by their suffix, numbered from 1: those of a folder by name, then its folders.

    Hidden files and folders are passed over. The names of one folder are held at a time.

    Args:
        filesystem: Of fsspec.
        root: The folder in it.
        output: A folder that is written to, and left out.

    Raises:
        ClientError: A folder cannot be read.
    """
    try:
        if is_local(filesystem):
            names = _walk_local(Path(root).resolve(), output)
        else:
            names = _walk(filesystem, root.rstrip("/"))
        for number, (path, name) in enumerate(names, start=1):
            yield Listed(number, path, name)
    except ClientError:
        raise
    except Exception as error:  # each of fsspec's file systems raises its own
        raise ClientError(f"{root} cannot be read: {error}.") from error


def _is_image(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def _walk_local(root: Path, output: Path | None) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    written = None if output is None else str(output.resolve())
    # Folders of data sets are often links; a link may lead back up.
    for parent, folders, files in os.walk(root, followlinks=True, onerror=_raise):
        real = os.path.realpath(parent)
        if real in seen or real == written:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        below = os.path.relpath(parent, root)
        for name in sorted(filter(_is_image, files)):
            yield f"{parent}/{name}", name if below == "." else f"{below}/{name}"


def _walk(filesystem: Any, root: str) -> Iterator[tuple[str, str]]:
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        found = filesystem.ls(parent, detail=True)
        filesystem.invalidate_cache()  # it would keep the names of every folder
        paths = {str(one["name"]).rstrip("/"): one["type"] for one in found}
        for path in sorted(paths):
            if paths[path] != "directory" and _is_image(path.rpartition("/")[2]):
                url = str(filesystem.unstrip_protocol(path))
                yield url, path.removeprefix(filesystem._strip_protocol(root)).lstrip("/")
        folders = [path for path, kind in paths.items() if kind == "directory" and path != parent]
        shown = [one for one in folders if not one.rpartition("/")[2].startswith(".")]
        waiting += sorted(shown, reverse=True)


def _raise(error: OSError) -> None:
    raise error
