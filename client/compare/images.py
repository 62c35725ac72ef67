"""What both versions are asked about: images with annotations, or images alone."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client.errors import ClientError
from client.evaluate.asking import find_images
from client.evaluate.dataset import Dataset, ImageEntry
from client.evaluate.reading import read_dataset
from client.inputs.finding import find_inputs
from client.inputs.naming import name_inputs
from client.wording import many, some

_NOWHERE = Path(os.devnull)


@dataclass(frozen=True)
class Images:
    """The images of a comparison.

    Attributes:
        files: By the names that they have in it.
        dataset: What is there; None where nobody has said.
        entries: Of the data set, by the same names.
        notes: What was left out, in sentences.
    """

    files: Mapping[str, Path]
    dataset: Dataset | None = None
    entries: Mapping[str, ImageEntry] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def annotated_images(annotations: Path, folder: Path, *, allow_missing: bool = False) -> Images:
    """The images of a COCO file.

    Args:
        annotations: The file.
        folder: Where its `file_name`s are.
        allow_missing: Whether to go on with those that are there.

    Raises:
        ClientError: The file cannot be read, contradicts itself, or names images that are not
            there.
    """
    dataset = read_dataset(annotations)
    files = find_images(dataset, folder, allow_missing=allow_missing)
    missing = len(dataset.images) - len(files)
    left_out = (
        f"{many(missing, 'image')} of the annotations {'is' if missing == 1 else 'are'} not there "
        "and left out of all numbers, as --allow-missing says."
    )
    return Images(
        {image.file_name: file for image, file in files.items()},
        dataset,
        {image.file_name: image for image in files},
        (left_out,) if missing else (),
    )


def bare_images(words: Sequence[str], *, output: Path | None = None) -> Images:
    """Images without annotations.

    Args:
        words: Files, folders and patterns, as they were typed.
        output: A folder that is left out where it lies below one of them.

    Raises:
        ClientError: There is nothing, or no image.
    """
    found = find_inputs(words, output=output or _NOWHERE)
    images = [one for one in name_inputs(found.files) if not one.is_video]
    videos = len(found.files) - len(images)
    passed_over = dict(found.passed_over) | ({"videos": videos} if videos else {})
    others = some([f"{count} {what}" for what, count in passed_over.items()])
    if not images:
        there = f"there are others: {others}" if others else "nothing is there"
        raise ClientError(f"There is no image in {some(list(words))}; {there}.")
    return Images(
        {one.name: Path(one.path) for one in images},
        notes=(f"Files that are no images were passed over: {others}.",) if others else (),
    )
