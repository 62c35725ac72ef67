"""Masks on a GPU -> where they change: run-length encoding there, one small copy back.

A hundred masks of an image of 800 x 1333 pixels are 107 MB; the places where they change are some
hundred kB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # formats and their tests need numpy alone
    from torch import Tensor

_BYTES_AT_ONCE = 2**26
"""So many pixels; they take as much memory several times over while they are encoded."""


@dataclass(frozen=True)
class RunMasks:
    """N masks of one image, to be read as an (N, H, W) array along its first axis.

    Attributes:
        changes: Of each mask (C,) int64, ascending: the pixels, counted column by column, that
            differ from the one before; before the first is False.
        size_hw: Size of the image in pixels.
    """

    changes: tuple[npt.NDArray[np.int64], ...]
    size_hw: tuple[int, int]

    @classmethod
    def of(cls, masks: Tensor) -> RunMasks:
        """Encode masks where they are.

        Args:
            masks: (N, H, W), on any device; what is not 0 belongs to a mask.
        """
        number, height, width = masks.shape
        pixels = height * width
        at_once = max(_BYTES_AT_ONCE // max(pixels, 1), 1)
        found: list[npt.NDArray[np.int64]] = []
        for start in range(0, number, at_once):
            part = masks[start : start + at_once].bool().transpose(1, 2).flatten(1)
            changed = part.clone()
            changed[:, 1:] ^= part[:, :-1]
            places = changed.flatten().nonzero()[:, 0].cpu().numpy()
            ends = np.searchsorted(places, pixels * np.arange(1, len(part)))
            of_masks = np.split(places, ends)
            found += [one - pixels * index for index, one in enumerate(of_masks)]
        return cls(tuple(found), (height, width))

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[npt.NDArray[np.bool_]]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, rows: int) -> npt.NDArray[np.bool_]: ...

    @overload
    def __getitem__(self, rows: npt.NDArray[Any] | slice) -> RunMasks: ...

    def __getitem__(self, rows: int | npt.NDArray[Any] | slice) -> npt.NDArray[np.bool_] | RunMasks:
        """One mask as (H, W) bool, or some of them as they are."""
        height, width = self.size_hw
        if isinstance(rows, (int, np.integer)):
            bounds = np.append(self.changes[rows], height * width)
            mask = np.zeros(height * width, np.bool_)
            for start, end in bounds[: len(bounds) // 2 * 2].reshape(-1, 2):
                mask[start:end] = True
            return mask.reshape(width, height).T
        kept = np.arange(len(self))[rows].tolist()
        return RunMasks(tuple(self.changes[index] for index in kept), self.size_hw)

    def run_lengths(self) -> list[npt.NDArray[np.int64]]:
        """Of each mask the lengths of its runs in column-major order, the first of False."""
        height, width = self.size_hw
        return [np.diff(one, prepend=0, append=height * width) for one in self.changes]
