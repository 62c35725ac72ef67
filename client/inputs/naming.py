"""What files are called in a run: as they are called already, with folders where names clash."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import cv2

from client.inputs.finding import Found

VIDEO_SUFFIX = ".mp4"
_PICTURE_SUFFIX = ".png"
"""For pictures of files with a suffix that OpenCV cannot write."""


@dataclass(frozen=True)
class Input:
    """An image or a video of a run.

    Attributes:
        path: Absolute.
        name: Of it alone, with `/` between folders; case may be all that tells two apart.
        output: Name of what is drawn of it, relative to the output folder.
        is_video: Whether it is a video.
    """

    path: str
    name: str
    output: str
    is_video: bool


def name_inputs(files: Sequence[Found]) -> list[Input]:
    """Give each file a name of its own, and one for what is drawn of it.

    Names are ends of paths: as short as they were found, longer where two files or two pictures
    would have one name. Case does not tell pictures apart, because not every file system does:
    where longer names do not either, a picture has a number.

    Args:
        files: No path twice.
    """
    paths = [file.path.strip("/") for file in files]
    depths = [file.depth for file in files]
    outputs = [_drawn(path, file.is_video) for path, file in zip(paths, files, strict=True)]
    for index in _clashing(outputs):
        if outputs[index] != paths[index]:
            outputs[index] = paths[index] + _other_suffix(files[index].is_video)
    _number(outputs, paths)

    def short(text: str, depth: int) -> str:
        return "/".join(text.split("/")[-depth:])

    def shortened(texts: Sequence[str]) -> list[str]:
        return [short(*one) for one in zip(texts, depths, strict=True)]

    while clashing := {*_clashing(shortened(outputs)), *_same(shortened(paths))}:
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
    suffix = PurePath(path).suffix
    # OpenCV refuses none at all, and ends the process at one that is not UTF-8.
    return bool(suffix) and suffix.isascii() and bool(cv2.haveImageWriter(suffix))


def _number(outputs: list[str], paths: Sequence[str]) -> None:
    """Put numbers into names that are there already: all but the first, in the order of paths."""
    taken = {output.casefold() for output in outputs}
    first = set()
    for index in sorted(_clashing(outputs), key=lambda index: paths[index]):
        name = outputs[index]
        if name.casefold() not in first:
            first.add(name.casefold())
            continue
        path = PurePath(name)
        for number in itertools.count(2):
            numbered = str(path.with_name(f"{path.stem}.{number}{path.suffix}"))
            if numbered.casefold() not in taken:
                break
        taken.add(numbered.casefold())
        outputs[index] = numbered


def _clashing(names: Sequence[str]) -> list[int]:
    """Positions of names that some file system takes for one."""
    return _same([name.casefold() for name in names])


def _same(names: Sequence[str]) -> list[int]:
    """Positions of names that are there more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        positions[name].append(index)
    return [index for found in positions.values() if len(found) > 1 for index in found]
