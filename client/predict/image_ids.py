"""Ids of images in COCO results: those of an annotation file, else numbers."""

import json
from collections.abc import Sequence
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
        ClientError: It cannot be read, or is no such file.
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
    return Annotated(path, {one["file_name"]: one["id"] for one in images}, categories)


def ids_for(inputs: Sequence[Input], annotated: Annotated | None) -> ImageIds:
    """Find an id for each image.

    Args:
        inputs: Of the run.
        annotated: Where to look names up; None numbers images from 1, in their order.

    Raises:
        ClientError: No image is in the annotations, or two are one in them.
    """
    if annotated is None:
        numbers = iter(range(1, len(inputs) + 1))
        return ImageIds(tuple(None if one.is_video else next(numbers) for one in inputs))
    by_base = _by_base(annotated.image_ids)
    ids = tuple(None if one.is_video else _look_up(one, annotated, by_base) for one in inputs)
    images = [(one, id_) for one, id_ in zip(inputs, ids, strict=True) if not one.is_video]
    _refuse_twice(images, annotated.path)
    unknown = [one.name for one, id_ in images if id_ is None]
    if images and len(unknown) == len(images):
        named = some(list(annotated.image_ids)) or "none"
        raise ClientError(
            f"None of the images is in {annotated.path}: they are called {some(unknown)}, and it "
            f"has {named}."
        )
    if not unknown:
        return ImageIds(ids)
    return ImageIds(
        ids,
        (
            f"{len(unknown)} of {len(images)} images are not in {annotated.path} "
            f"({some(unknown)}): they are drawn, and are in no COCO result.",
        ),
    )


def _is_image(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("file_name"), str)
        and isinstance(entry.get("id"), int | str)
    )


def _by_base(image_ids: dict[str, ImageId]) -> dict[str, ImageId | None]:
    """Ids by names without folders; None for those that are there more than once."""
    found: dict[str, ImageId | None] = {}
    for name, id_ in image_ids.items():
        base = name.rpartition("/")[2]
        found[base] = None if base in found else id_
    return found


def _look_up(
    one: Input, annotated: Annotated, by_base: dict[str, ImageId | None]
) -> ImageId | None:
    parts = one.path.strip("/").split("/")
    for count in range(len(parts), 0, -1):
        name = "/".join(parts[-count:])
        if name in annotated.image_ids:
            return annotated.image_ids[name]
    return by_base.get(parts[-1])


def _refuse_twice(images: Sequence[tuple[Input, ImageId | None]], path: Path) -> None:
    first: dict[ImageId, str] = {}
    for one, id_ in images:
        if id_ is None:
            continue
        if id_ in first:
            raise ClientError(f"{first[id_]} and {one.path} are both image {id_} of {path}.")
        first[id_] = one.path
