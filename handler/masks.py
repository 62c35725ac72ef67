"""Binary masks -> COCO run-length encoding. Pure functions.

Byte for byte what `pycocotools.mask.encode` gives, several times as fast: it walks every pixel of
the image, a mask at a time; here only the box around a mask is walked, and the run lengths of all
masks are compressed together.

The format (pycocotools, common/maskApi.c): lengths of runs in column-major order, alternately of
zeros and ones, beginning with zeros. Each but the first three is written less the length two
before, in groups of five bits, the lowest first, a sixth bit saying that more follow, plus 48.
"""

import itertools
from collections.abc import Iterable
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from handler.cropped_masks import CroppedMasks
from handler.mask_time import counted
from handler.run_masks import RunMasks

Ints = npt.NDArray[np.int64]

_LIMITS = 1 << np.arange(4, 60, 5)
"""A number below the i-th, or at least its negative, is written in i + 1 groups of five bits."""


class Rle(TypedDict):
    """A mask in compressed COCO run-length encoding, as `pycocotools.mask.decode` takes it."""

    size: list[int]  # [height, width]
    counts: str


@counted
def masks_to_rle(masks: Iterable[npt.NDArray[np.bool_]]) -> list[Rle]:
    """Encode masks.

    Args:
        masks: (H, W) bool each; an (N, H, W) array will do, and what is read as one.
    """
    sizes: list[list[int]] = []
    lengths: list[Ints] = []
    if isinstance(masks, RunMasks):
        sizes, lengths = [list(masks.size_hw) for _ in masks.changes], masks.run_lengths()
    elif isinstance(masks, CroppedMasks):
        for crop in masks.crops:
            sizes.append(list(masks.size_hw))
            lengths.append(_run_lengths_in_box(crop.pixels, crop.top, crop.left, masks.size_hw))
    else:
        for mask in masks:
            sizes.append([mask.shape[0], mask.shape[1]])
            lengths.append(_run_lengths(mask))
    return [
        {"size": size, "counts": counts}
        for size, counts in zip(sizes, _compress(lengths), strict=True)
    ]


def _run_lengths(mask: npt.NDArray[np.bool_]) -> Ints:
    """Lengths of runs in column-major order; the first is of zeros, and may be 0."""
    height, width = mask.shape
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return np.array([height * width])
    left, right = columns[0], columns[-1] + 1
    rows = np.flatnonzero(mask[:, left:right].any(axis=1))
    top, bottom = rows[0], rows[-1] + 1
    return _run_lengths_in_box(mask[top:bottom, left:right], top, left, (height, width))


def _run_lengths_in_box(
    pixels: npt.NDArray[np.bool_], top: int, left: int, size_hw: tuple[int, int]
) -> Ints:
    """The same of a mask that has no pixel outside of a box, which begins at `top` and `left`."""
    (tall, wide), (height, width) = pixels.shape, size_hw
    # A zero above each column and one after the last, so that no run goes on into the next column.
    padded = np.zeros(wide * (tall + 1) + 1, np.bool_)
    by_columns = padded[:-1].reshape(wide, tall + 1)
    by_columns[:, 1:] = pixels.T
    changes = np.flatnonzero(padded[1:] != padded[:-1])  # before the pixel `changes` of the box
    column, row = np.divmod(changes, tall + 1)
    positions = (left + column) * height + top + row
    if tall == height:  # runs may go on into the next column after all
        touching = np.flatnonzero(positions[1:-1:2] == positions[2::2])
        positions = np.delete(positions, [2 * touching + 1, 2 * touching + 2])
    lengths: Ints = np.diff(positions, prepend=0, append=height * width)
    return lengths if lengths[-1] else lengths[:-1]


def _compress(lengths: list[Ints]) -> list[str]:
    """The text of each list of run lengths."""
    if not lengths:
        return []
    numbers = np.concatenate(lengths)
    starts = np.cumsum([0, *(len(one) for one in lengths)])
    differences = numbers.copy()
    differences[3:] -= numbers[1:-2]
    for offset in range(3):  # the first three of each mask are written as they are
        firsts = starts[:-1] + offset
        firsts = firsts[firsts < starts[1:]]
        differences[firsts] = numbers[firsts]
    magnitudes = np.where(differences < 0, ~differences, differences)
    groups = 1 + np.searchsorted(_LIMITS, magnitudes, side="right")
    place = np.arange(groups.max())
    characters = 48 + ((differences[:, None] >> 5 * place) & 31)
    characters += 32 * (place < groups[:, None] - 1)
    text = characters[place < groups[:, None]].astype(np.uint8).tobytes().decode("ascii")
    ends = np.concatenate([[0], np.cumsum(groups)])[starts].tolist()
    return [text[start:end] for start, end in itertools.pairwise(ends)]
