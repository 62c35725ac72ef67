"""Ids of images in COCO results: those of an annotation file, else numbers."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.classes import Category
from client.errors import ClientError
from client.inputs.naming import Input
from client.wording import some

ImageId = int | str


@dataclass(frozen=True)
class Annotated:
    """What an annotation file says of its images and classes.

    Attributes:
        path: Of the file.
        image_ids: By file name.
        categories: Its classes.
    """

    path: Path
    image_ids: dict[str, ImageId]
    categories: tuple[Category, ...]


@dataclass(frozen=True)
class ImageIds:
    """Ids for a run.

    Attributes:
        ids: One for each input; None for videos, and for images that the annotations do not have.
        notes: What does not fit, in sentences.
    """

    ids: tuple[ImageId | None, ...]
    notes: tuple[str, ...] = ()


def read_annotated(path: Path) -> Annotated:
    """Read images and categories of a COCO file; annotations need not be in it.

    Raises:
        ClientError: It cannot be read, is no such file, or has one file name for two images.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error}.") from error
    except ValueError as error:
        raise ClientError(f"{path} is no JSON: {error}.") from error
    images = document.get("images") if isinstance(document, dict) else None
    if not (isinstance(images, list) and all(_is_image(one) for one in images)):
        raise ClientError(
            f"{path} is not a COCO file: accepted is an object with the list images, whose entries "
            "have an id and a file_name."
        )
    categories = tuple(
        Category(one["id"], one["name"])
        for one in document.get("categories") or ()
        if isinstance(one, dict) and {"id", "name"} <= one.keys()
    )
    image_ids: dict[str, ImageId] = {}
    for one in images:
        if image_ids.setdefault(one["file_name"], one["id"]) != one["id"]:
            raise ClientError(
                f"{path} has {one['file_name']} more than once, as image "
                f"{image_ids[one['file_name']]} and as image {one['id']}."
            )
    return Annotated(path, image_ids, categories)


def ids_for(inputs: Sequence[Input], annotated: Annotated | None) -> ImageIds:
    """Find an id for each image.

    Args:
        inputs: Of the run.
        annotated: Where to look names up; None numbers images from 1, in their order.

    Raises:
        ClientError: No image is in the annotations, or two are one in them. An image is in them
            where its path ends with a whole `file_name`, folders included.
    """
    if annotated is None:
        numbers = iter(range(1, len(inputs) + 1))
        return ImageIds(tuple(None if one.is_video else next(numbers) for one in inputs))
    by_name = _by_name(annotated.image_ids)
    ids = tuple(None if one.is_video else _look_up(one, by_name) for one in inputs)
    images = [(one, id_) for one, id_ in zip(inputs, ids, strict=True) if not one.is_video]
    _refuse_twice(images, annotated.path)
    unknown = [one for one, id_ in images if id_ is None]
    elsewhere = _elsewhere(unknown, annotated.image_ids)
    names = some([one.name for one in unknown])
    if images and len(unknown) == len(images):
        named = some(list(annotated.image_ids)) or "none"
        raise ClientError(
            f"None of the images is in {annotated.path}: they are called {names}, and it has "
            f"{named}.{elsewhere}"
        )
    if not unknown:
        return ImageIds(ids)
    return ImageIds(
        ids,
        (
            f"{len(unknown)} of {len(images)} images are not in {annotated.path} ({names}): they "
            f"are drawn, and are in no COCO result.{elsewhere}",
        ),
    )


def _is_image(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("file_name"), str)
        and isinstance(entry.get("id"), int | str)
    )


def _by_name(image_ids: Mapping[str, ImageId]) -> dict[str, ImageId | None]:
    """Ids by names as ends of paths; None for a name that is written in several ways."""
    found: dict[str, ImageId | None] = {}
    for name, id_ in image_ids.items():
        end = _as_end(name)
        found[end] = id_ if found.get(end, id_) == id_ else None
    return found


def _as_end(name: str) -> str:
    """A file name without what begins it and is in no path: `./`, `../`, `/`."""
    end = posixpath.normpath(name).lstrip("/")
    while end.startswith("../"):
        end = end.removeprefix("../")
    return end


def _look_up(one: Input, by_name: Mapping[str, ImageId | None]) -> ImageId | None:
    """The id of the longest name that the path ends with.

    A name with other folders is another image: data sets call them 0001.jpg in every folder.
    """
    parts = one.path.strip("/").split("/")
    ends = ("/".join(parts[index:]) for index in range(len(parts)))
    return next((by_name[end] for end in ends if end in by_name), None)


def _elsewhere(unknown: Sequence[Input], image_ids: Mapping[str, ImageId]) -> str:
    """What else there is to say of images that are called as others in other folders."""
    by_base = {name.rpartition("/")[2]: name for name in image_ids}
    both = [(one, by_base.get(one.path.rpartition("/")[2])) for one in unknown]
    named = [(one.path, name) for one, name in both if name is not None]
    if not named:
        return ""
    path, name = named[0]
    more = f", and {len(named) - 1} more" if len(named) > 1 else ""
    return (
        f" A name that is there in another folder is not taken for it ({path}, there {name}{more}):"
        " a path has to end with the whole file_name."
    )


def _refuse_twice(images: Sequence[tuple[Input, ImageId | None]], path: Path) -> None:
    first: dict[ImageId, str] = {}
    for one, id_ in images:
        if id_ is None:
            continue
        if id_ in first:
            raise ClientError(f"{first[id_]} and {one.path} are both image {id_} of {path}.")
        first[id_] = one.path
