"""What a person names on the command line -> the images and videos that are meant."""

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.errors import ClientError

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)
VIDEO_SUFFIXES = frozenset(
    (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
)


@dataclass(frozen=True, slots=True)  # there may be very many
class Found:
    """A file that is meant.

    Attributes:
        path: Absolute, with links as they were typed.
        depth: How many parts of it belong to its name: of a file in a named folder those below
            the folder, of one that a pattern matches those below where the pattern begins, else
            the last one.
        is_video: Whether it is one, by its suffix.
    """

    path: str
    depth: int
    is_video: bool


@dataclass(frozen=True)
class Inputs:
    """All that is meant.

    Attributes:
        files: Each once, in the order in which they were named, those of a folder by their names.
        passed_over: How many files of named folders are neither images nor videos, by suffix.
    """

    files: tuple[Found, ...]
    passed_over: Counter[str]


def find_inputs(words: Sequence[str], *, videos: Sequence[str] = (), output: Path) -> Inputs:
    """Find files.

    A word is a file, a folder (its images and videos, those of its folders too) or a pattern with
    `*`, `?`, `[...]` or `**`. Files that are named are taken whatever they are called; of folders
    those with the suffix of an image or a video, without hidden ones.

    What a run has written is no input of the same command when it goes on: `output` is left out
    where a folder or a pattern reaches down into it, and where it is one of several words, as
    shells write patterns out.

    Args:
        words: As they were typed.
        videos: Files that are videos whatever they are called.
        output: A folder that is written to.

    Raises:
        ClientError: Every word that nothing is found for.
    """
    inside = _Folder(output)
    found: dict[str, Found] = {}
    missing = []
    for word in words:
        paths = _matching(word)
        if not paths:
            missing.append(word)
        root = None
        if not Path(word).exists():
            root = _beginning(word)
            paths = [one for one in paths if inside.is_meant(one, by=root)]
        elif len(words) > 1:
            paths = [one for one in paths if one.resolve() != inside.output]
        for path in paths:
            for one in inside.below(path, root):
                found.setdefault(inside.real(one.path), one)
    for word in videos:
        if not Path(word).is_file():
            missing.append(word)
        file = str(_absolute(Path(word)))
        found[inside.real(file)] = Found(file, 1, is_video=True)
    if missing:
        raise ClientError(f"There is no file, folder or match for {', '.join(missing)}.")
    return Inputs(tuple(found.values()), inside.passed_over)


def _matching(word: str) -> list[Path]:
    if Path(word).exists():  # also one that is called as a pattern looks
        return [Path(word)]
    # pathlib takes no absolute patterns.
    matches = glob.glob(word, recursive=True) if glob.has_magic(word) else []  # noqa: PTH207
    return [Path(one) for one in sorted(matches)]


def _beginning(pattern: str) -> Path:
    """The folder that a pattern names before anything in it may match several."""
    parts = Path(pattern).parts
    return Path(*itertools.takewhile(lambda part: not glob.has_magic(part), parts))


def _absolute(path: Path) -> Path:
    """As it was typed, but for `..`, which may lead elsewhere where links are on the way."""
    if ".." not in path.parts:
        return path.absolute()
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


class _Folder:
    """Looks into folders, but not into the one that is written to."""

    def __init__(self, output: Path) -> None:
        self.output = output.resolve()
        self.passed_over: Counter[str] = Counter()
        self._real_folders: dict[str, str] = {}

    def real(self, file: str) -> str:
        """What tells whether two paths are one file; a file that is a link is one of its own."""
        folder, name = os.path.split(file)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return f"{self._real_folders[folder]}/{name}"

    def is_meant(self, path: Path, *, by: Path) -> bool:
        """Whether a pattern means a match: one that lies elsewhere, or where the pattern begins."""
        return not self._has(path) or self._has(by)

    def _has(self, path: Path) -> bool:
        whole = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
        return whole.is_relative_to(self.output)

    def below(self, path: Path, root: Path | None) -> Iterator[Found]:
        """The file itself, or the images and videos of a folder.

        Args:
            path: Of it.
            root: Where the pattern begins that matches it.
        """
        parts = () if root is None else path.relative_to(root).parts
        if root is None or ".." in parts:
            whole, parts = _absolute(path), ()
        else:
            whole = _absolute(root).joinpath(*parts)
        if not whole.is_dir():
            is_video = whole.suffix.lower() in VIDEO_SUFFIXES
            yield Found(str(whole), len(parts) or 1, is_video=is_video)
            return
        for file in self._walk(whole):
            suffix = file.suffix.lower()
            if suffix in IMAGE_SUFFIXES or suffix in VIDEO_SUFFIXES:
                depth = len(parts) + len(file.relative_to(whole).parts)
                yield Found(str(file), depth, is_video=suffix in VIDEO_SUFFIXES)
            else:
                self.passed_over[suffix or "without suffix"] += 1

    def _walk(self, folder: Path) -> Iterator[Path]:
        seen: set[Path] = set()
        begin = folder.resolve()
        # Folders of data sets are often links; a link may lead back up.
        for parent, folders, files in os.walk(folder, followlinks=True):
            real = Path(parent).resolve()
            if real in seen or (real == self.output and real != begin):
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))
