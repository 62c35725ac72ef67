"""Names on pictures: in characters that can be drawn, where they hide least."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Picture: TypeAlias = npt.NDArray[np.uint8]
Bgr: TypeAlias = tuple[int, int, int]
Rectangle: TypeAlias = tuple[int, int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SMALLEST_SCALE, _LARGEST_SCALE = 0.4, 6.0
_PIXELS_PER_SCALE = 1200
_LEAST_LINES = 3  # a picture with room for fewer has no text: it would show nothing else
_CUT = ".."
_WHITE: Bgr = (255, 255, 255)
_BLACK: Bgr = (0, 0, 0)


@dataclass(frozen=True)
class Label:
    """A text for a place in a picture.

    Attributes:
        text: In characters that `printable` gives.
        box_xyxy: What it names, in pixels of the picture: x0, y0, x1, y1.
        colour: Of its ground.
    """

    text: str
    box_xyxy: Rectangle
    colour: Bgr


def printable(name: str, class_id: int) -> str:
    """A name in the characters that OpenCV's font has: printable ASCII.

    Accents are taken off ("dög" is "dog"), other characters become "?". Where nothing readable is
    left, it is the class id ("#3").

    Args:
        name: Of a class, any text.
        class_id: Its id.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    base = [character for character in decomposed if not unicodedata.combining(character)]
    text = "".join(one if one.isascii() and one.isprintable() else "?" for one in base)
    return text if any(character.isalnum() for character in text) else f"#{class_id}"


def write_labels(picture: Picture, labels: Sequence[Label]) -> None:
    """Write labels, large enough to be read in a picture of that size.

    Each stands above what it names where there is room, else inside of it or below; texts that are
    wider than the picture are cut.

    Args:
        picture: (H, W, 3) uint8, BGR, which is written into.
        labels: The most important first: it has the first choice, and lies on top.
    """
    height, width = picture.shape[:2]
    side = math.sqrt(height * width)
    scale = min(max(side / _PIXELS_PER_SCALE, _SMALLEST_SCALE), _LARGEST_SCALE)
    stroke = max(1, round(scale))
    line = _size("Ag", scale, stroke)[1]
    if line * _LEAST_LINES > height:
        return
    placed: list[tuple[Rectangle, Label, str]] = []
    for label in labels:
        text = _fitting(label.text, width, scale, stroke)
        size_wh = _size(text, scale, stroke)
        taken = [rectangle for rectangle, _, _ in placed]
        placed.append((_place(label.box_xyxy, size_wh, (width, height), taken), label, text))
    for rectangle, label, text in reversed(placed):
        _write(picture, rectangle, text, label.colour, scale, stroke)


def _size(text: str, scale: float, stroke: int) -> tuple[int, int]:
    """Width and height of a text on its ground, in pixels."""
    (width, height), below = cv2.getTextSize(text, _FONT, scale, stroke)
    return width + 2 * stroke + 1, height + below + 1


def _fitting(text: str, width: int, scale: float, stroke: int) -> str:
    if _size(text, scale, stroke)[0] <= width:
        return text
    for length in range(len(text) - 1, 0, -1):
        cut = f"{text[:length]}{_CUT}"
        if _size(cut, scale, stroke)[0] <= width:
            return cut
    return text[:1]


def _place(
    box_xyxy: Rectangle,
    size_wh: tuple[int, int],
    picture_wh: tuple[int, int],
    taken: Iterable[Rectangle],
) -> Rectangle:
    """The first of the places above, inside and below a box that is free; else above it."""
    x0, y0, _, y1 = box_xyxy
    width, height = size_wh
    left = max(min(x0, picture_wh[0] - width), 0)
    tops = [y0 - height, y0, y1 - height, y1]
    rectangles = []
    for top in tops:
        inside = max(min(top, picture_wh[1] - height), 0)
        rectangles.append((left, inside, left + width, inside + height))
    others = list(taken)
    free = (one for one in rectangles if not any(_touch(one, other) for other in others))
    return next(free, rectangles[0])


def _touch(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _write(
    picture: Picture, rectangle: Rectangle, text: str, colour: Bgr, scale: float, stroke: int
) -> None:
    left, top, right, bottom = rectangle
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, -1)
    (_, height), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    blue, green, red = colour
    is_light = 0.114 * blue + 0.587 * green + 0.299 * red > 140  # luma of ITU-R BT.601
    ink = _BLACK if is_light else _WHITE
    origin_xy = (left + stroke, top + height + 1)
    cv2.putText(picture, text, origin_xy, _FONT, scale, ink, stroke, cv2.LINE_AA)
