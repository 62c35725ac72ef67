"""The images of a COCO file, whatever its length: it is read as a stream."""

from collections.abc import Iterator
from typing import Any

import ijson

from client.classes import Category
from client.errors import ClientError
from deploy.ray.jobs.inputs.paths import joined
from deploy.ray.jobs.listed import Listed


def images_of_coco(filesystem: Any, file: str, *, images: str) -> Iterator[Listed]:
    """List its images in its order, with its ids.

    Args:
        filesystem: Of fsspec.
        file: The file in it.
        images: Folder or URL that the names of files are relative to.

    Raises:
        ClientError: It cannot be read, or is no such file.
    """
    for entry in _entries(filesystem, file, "images"):
        id_, name = (entry.get(key) for key in ("id", "file_name"))
        if not isinstance(name, str) or not isinstance(id_, int | str):
            raise ClientError(
                f"{file} is not a COCO file: its list images has {_shown(entry)}, where an object "
                "with an id and a file_name is accepted."
            )
        yield Listed(id_, joined(images, name), name)


def categories_of_coco(filesystem: Any, file: str) -> list[Category]:
    """Its categories; none where it has none.

    Raises:
        ClientError: It cannot be read, or is no JSON.
    """
    return [
        Category(one["id"], one["name"])
        for one in _entries(filesystem, file, "categories")
        if {"id", "name"} <= one.keys()
    ]


def _entries(filesystem: Any, file: str, key: str) -> Iterator[dict[str, Any]]:
    try:
        with filesystem.open(file, "rb") as opened:
            for entry in ijson.items(opened, f"{key}.item", use_float=True):
                yield entry if isinstance(entry, dict) else {}
    except ijson.JSONError as error:
        raise ClientError(f"{file} is no JSON: {error}.") from error
    except ClientError:
        raise
    except Exception as error:  # each of fsspec's file systems raises its own
        raise ClientError(f"{file} cannot be read: {error}.") from error


def _shown(entry: dict[str, Any]) -> str:
    text = str(entry)
    return text if len(text) <= 80 else f"{text[:80]}..."
