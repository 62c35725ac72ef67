"""What files are called in a run: as they are called already, with folders where names clash."""

import itertools
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import PurePath

import cv2

from client.inputs.finding import Found

VIDEO_SUFFIX = ".mp4"
_PICTURE_SUFFIX = ".png"
"""For pictures of files with a suffix that OpenCV cannot write."""


@dataclass(frozen=True, slots=True)  # there may be very many
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

    Names are ends of paths, as short as they were found. Where two files or two pictures would have
    one name, both are named from the folder above, and so is everything else below it: what lies
    side by side is named alike. Case does not tell pictures apart, because not every file system
    does: where longer names do not either, a picture has a number.

    Args:
        files: No path twice.
    """
    paths = [file.path.strip("/") for file in files]
    outputs = [_drawn(path, file.is_video) for path, file in zip(paths, files, strict=True)]
    for index in _clashing(outputs):
        if outputs[index] != paths[index]:
            outputs[index] = paths[index] + _other_suffix(files[index].is_video)
    _number(outputs, paths)
    # Paths and outputs differ in their last parts alone, so a name begins at the same place.
    starts = [_start(path, file.depth) for path, file in zip(paths, files, strict=True)]
    while clashes := [*_clashes(_from(outputs, starts)), *_alike(_from(paths, starts))]:
        above = {
            paths[index][: _folder_above(paths[index], starts[index])]
            for clash in clashes
            for index in _below_the_first(clash, paths, starts)
        }
        starts = [_highest(path, start, above) for path, start in zip(paths, starts, strict=True)]
    return [
        # One text where both are the same: there may be very many.
        Input(file.path, name, name if name == output else output, file.is_video)
        for file, name, output in zip(
            files, _from(paths, starts), _from(outputs, starts), strict=True
        )
    ]


def _start(path: str, depth: int) -> int:
    """Where the last so many parts of a path begin."""
    return len(path) - len("/".join(path.split("/")[-depth:]))


def _from(texts: Sequence[str], starts: Sequence[int]) -> list[str]:
    return [text[start:] for text, start in zip(texts, starts, strict=True)]


def _folder_above(path: str, start: int) -> int:
    """Where a name begins that has one folder more, if there is one."""
    return path.rfind("/", 0, max(start - 1, 0)) + 1


def _below_the_first(
    clash: Sequence[int], paths: Sequence[str], starts: Sequence[int]
) -> Sequence[int]:
    """Without the one whose name begins where all others lie below: theirs can have its folders."""
    roots = {index: paths[index][: starts[index]] for index in clash}
    first = min(clash, key=lambda index: starts[index])
    others = [index for index in clash if index != first]
    is_above = all(
        roots[index].startswith(roots[first]) and roots[index] != roots[first] for index in others
    )
    return others if is_above else clash


def _highest(path: str, start: int, folders: Set[str]) -> int:
    """Where a name begins below the highest of those folders that it is in, else where it did."""
    end = 0
    while end < start:
        if path[:end] in folders:
            return end
        end = path.index("/", end) + 1
    return start


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
    """Positions of names that are in a clash."""
    return [index for clash in _clashes(names) for index in clash]


def _clashes(names: Sequence[str]) -> list[list[int]]:
    """Positions of names that some file system takes for one."""
    return _alike([name.casefold() for name in names])


def _alike(names: Sequence[str]) -> list[list[int]]:
    """Positions of each name that is there more than once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        positions[name].append(index)
    return [found for found in positions.values() if len(found) > 1]
