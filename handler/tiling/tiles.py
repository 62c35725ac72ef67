"""The size of an image -> the tiles that it is cut into. Pure functions."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from handler.errors import InvalidOption

Box: TypeAlias = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels, ends exclusive."""


@dataclass(frozen=True, order=True)
class Tile:
    """A rectangle of pixels of an image, ends exclusive; tiles are sorted in reading order."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def box_xyxy(self) -> Box:
        """The tile as a box."""
        return self.left, self.top, self.right, self.bottom

    def of(self, image_bgr: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The tile's pixels, a view.

        Args:
            image_bgr: (H, W, 3) uint8.
        """
        return image_bgr[self.top : self.bottom, self.left : self.right]


def cut(size_hw: tuple[int, int], *, side: int, overlap: float, max_tiles: int) -> tuple[Tile, ...]:
    """Cover an image with tiles of one size.

    Neighbours share `overlap` of a side, and more before the last column and row, which end where
    the image ends. Along a side on which the image is no longer than a tile there is one tile, as
    long as the image.

    Args:
        size_hw: Size of the image in pixels.
        side: Of a tile, in pixels.
        overlap: Share of a side, 0 to 0.5.
        max_tiles: Most tiles of this image.

    Returns:
        In reading order.

    Raises:
        InvalidOption: There would be more.
    """
    height, width = size_hw
    step = side - int(side * overlap)
    tops, lefts = _starts(height, side, step), _starts(width, side, step)
    # Counted before they are made: they may be millions.
    if (count := len(tops) * len(lefts)) > max_tiles:
        raise InvalidOption(
            f"tile is {side} and overlap {overlap:g}, the image of {width} x {height} pixels would "
            f"be cut into {count} tiles, at most {max_tiles} are accepted of an image here."
        )
    return tuple(
        Tile(top, left, min(top + side, height), min(left + side, width))
        for top in tops
        for left in lefts
    )


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where tiles begin along one side of the image."""
    return [0] if length <= side else [*range(0, length - side, step), length - side]
