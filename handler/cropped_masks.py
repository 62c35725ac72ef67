"""Masks that are kept as the box around their pixels, and painted one at a time.

A thousand objects on 25 million pixels would be 25 GB of masks; their boxes are a few of MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Crop:
    """A mask, false outside of a rectangle.

    Attributes:
        top: First row of the rectangle.
        left: First column of it.
        pixels: (h, w) bool, what is inside of it; not changed once it is here.
    """

    top: int
    left: int
    pixels: Mask

    @classmethod
    def of(cls, mask: Mask, *, top: int = 0, left: int = 0) -> Crop:
        """The smallest crop of a mask, a copy; 0 x 0 pixels of an empty one.

        Args:
            mask: (h, w) bool.
            top: Row of the image that is the mask's first.
            left: Column of the image that is the mask's first.
        """
        rows = np.flatnonzero(mask.any(axis=1))
        if not len(rows):
            return cls(top, left, np.zeros((0, 0), np.bool_))
        y0, y1 = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(mask[y0:y1].any(axis=0))
        x0, x1 = int(columns[0]), int(columns[-1]) + 1
        return cls(top + y0, left + x0, mask[y0:y1, x0:x1].copy())

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) of the rectangle, ends exclusive."""
        height, width = self.pixels.shape
        return self.left, self.top, self.left + width, self.top + height

    def within(self, box_xyxy: tuple[int, int, int, int]) -> Mask:
        """The pixels that also lie in a box, a view; 0 of them where the two are apart."""
        x0, y0, x1, y1 = box_xyxy
        rows = slice(max(y0 - self.top, 0), max(y1 - self.top, 0))
        columns = slice(max(x0 - self.left, 0), max(x1 - self.left, 0))
        return self.pixels[rows, columns]

    def paint(self, canvas: Mask, *, top: int = 0, left: int = 0) -> None:
        """Set the mask's pixels in an array that holds the whole rectangle.

        Args:
            canvas: (H, W) bool; changed.
            top: Row of the image that is the canvas's first.
            left: Column of the image that is the canvas's first.
        """
        x0, y0, x1, y1 = self.box_xyxy
        canvas[y0 - top : y1 - top, x0 - left : x1 - left] |= self.pixels


@dataclass(frozen=True)
class CroppedMasks:
    """N masks of one image, to be read as an (N, H, W) array along its first axis.

    Attributes:
        crops: Of each mask, within the image.
        size_hw: Size of the image in pixels.
    """

    crops: tuple[Crop, ...]
    size_hw: tuple[int, int]

    def __len__(self) -> int:
        return len(self.crops)

    def __iter__(self) -> Iterator[Mask]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, rows: int | np.integer[Any]) -> Mask: ...

    @overload
    def __getitem__(self, rows: npt.NDArray[Any] | slice) -> CroppedMasks: ...

    def __getitem__(
        self, rows: int | np.integer[Any] | npt.NDArray[Any] | slice
    ) -> Mask | CroppedMasks:
        """One mask as (H, W) bool, or some of them as crops."""
        if isinstance(rows, (int, np.integer)):
            canvas = np.zeros(self.size_hw, np.bool_)
            self.crops[rows].paint(canvas)
            return canvas
        kept: Sequence[int] = np.arange(len(self))[rows].tolist()
        return CroppedMasks(tuple(self.crops[index] for index in kept), self.size_hw)
