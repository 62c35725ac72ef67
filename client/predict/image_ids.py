"""Ids of images in COCO results: those of an annotation file, else numbers."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.classes import Category
from client.coco_file import (
    ImageId,
    check_image_keys,
    id_of,
    image_key,
    read_categories,
    read_document,
)
from client.errors import ClientError
from client.inputs.naming import Input
from client.same_names import told_apart
from client.wording import many, some


@dataclass(frozen=True)
class Annotated:
    """What an annotation file says of its images and classes.

    Attributes:
        path: Of the file.
        image_ids: By file name.
        categories: Its classes; no two of one name.
        notes: What to know of it, in sentences.
    """

    path: Path
    image_ids: dict[str, ImageId]
    categories: tuple[Category, ...]
    notes: tuple[str, ...] = ()


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
        ClientError: It cannot be read, is no such file, or contradicts itself; all of it at once.
    """
    document = read_document(path, ["images"])
    problems: list[str] = []
    images = document["images"]
    keys = [image_key(one) for one in images]
    if wrong := [str(id_of(images[at], at)) for at, key in enumerate(keys) if key is None]:
        problems.append(
            f"{many(len(wrong), 'image')} without an id and a file_name that are ones: "
            f"{some(wrong)}."
        )
    good = [key for key in keys if key is not None]
    check_image_keys(good, problems)
    categories = read_categories(_list(document, "categories"), problems)
    if problems:
        raise ClientError("\n".join(f"{path}: {problem}" for problem in problems))
    used = {
        one["category_id"]
        for one in _list(document, "annotations")
        if isinstance(one, dict) and isinstance(one.get("category_id"), int)
    }
    named, notes = told_apart(categories, used)
    return Annotated(path, {name: id_ for id_, name in good}, tuple(named), tuple(notes))


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
        return ImageIds(ids, annotated.notes)
    return ImageIds(
        ids,
        (
            *annotated.notes,
            f"{len(unknown)} of {len(images)} images are not in {annotated.path} ({names}): they "
            f"are drawn, and are in no COCO result.{elsewhere}",
        ),
    )


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    return found if isinstance(found, list) else []


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
