"""What files are called in a run: as they are called already, with folders where names clash."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import cv2

from client.errors import ClientError
from client.predict.inputs import Found

VIDEO_SUFFIX = ".mp4"
_PICTURE_SUFFIX = ".png"
"""For pictures of files with a suffix that OpenCV cannot write."""


@dataclass(frozen=True)
class Input:
    """An image or a video of a run.

    Attributes:
        path: Absolute.
        name: Of it alone, with `/` between folders.
        output: Name of what is drawn of it, relative to the output folder.
        is_video: Whether it is a video.
    """

    path: str
    name: str
    output: str
    is_video: bool


def name_inputs(files: Sequence[Found]) -> list[Input]:
    """Give each file a name of its own, and one for what is drawn of it.

    Names are ends of paths: as short as they were found, longer where two pictures would have one
    name. Case does not tell them apart, because not every file system does.

    Args:
        files: No path twice.

    Raises:
        ClientError: Files of one folder whose pictures would have one name.
    """
    paths = [file.path.strip("/") for file in files]
    depths = [file.depth for file in files]
    outputs = [_drawn(path, file.is_video) for path, file in zip(paths, files, strict=True)]
    for index in _clashing(outputs):
        if outputs[index] != paths[index]:
            outputs[index] = paths[index] + _other_suffix(files[index].is_video)
    if clashing := _clashing(outputs):
        named = ", ".join(files[index].path for index in clashing[:5])
        raise ClientError(f"These files would all give one picture: {named}.")

    def short(text: str, depth: int) -> str:
        return "/".join(text.split("/")[-depth:])

    while clashing := _clashing([short(*one) for one in zip(outputs, depths, strict=True)]):
        for index in clashing:
            depths[index] = min(depths[index] + 1, paths[index].count("/") + 1)
    return [
        Input(file.path, short(path, depth), short(output, depth), file.is_video)
        for file, path, output, depth in zip(files, paths, outputs, depths, strict=True)
    ]


def _drawn(path: str, is_video: bool) -> str:
    if is_video:
        return str(PurePath(path).with_suffix(VIDEO_SUFFIX))
    return path if _can_be_written(path) else path + _PICTURE_SUFFIX


def _other_suffix(is_video: bool) -> str:
    return VIDEO_SUFFIX if is_video else _PICTURE_SUFFIX


def _can_be_written(path: str) -> bool:
    try:
        return bool(cv2.haveImageWriter(PurePath(path).suffix))
    except cv2.error:  # no suffix at all
        return False


def _clashing(names: Sequence[str]) -> list[int]:
    """Positions of names that are there more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        positions[name.casefold()].append(index)
    return [index for found in positions.values() if len(found) > 1 for index in found]
