"""The `segmentation` of an annotation -> COCO's compressed run lengths.

pycocotools believes what it is given: of run lengths that do not fill the image it makes a mask of
whatever lies in memory, and polygons that reach too far end the process.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from client.predictions import Rle

_FARTHEST_PX = 1e5
"""Of a polygon's corners from the image's. pycocotools walks along its edges, pixel by pixel."""

_LARGEST = 1e300

_MOST_DIGITS = 7
"""Of a run length, five bits each: 2 ** 32 pixels and its sign fit in."""


def compressed_rle(segmentation: Any, size_hw: list[int]) -> Rle | None:
    """Polygons or run lengths as compressed run lengths, as `COCO.annToRLE` makes them.

    Args:
        segmentation: As JSON has it.
        size_hw: Of the image; becomes the `size` of the result.

    Returns:
        None where there is none.

    Raises:
        ValueError: What is wrong.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return {"size": size_hw, "counts": _of_polygons(segmentation, size_hw)}
    if not isinstance(segmentation, dict) or not isinstance(segmentation.get("counts"), list | str):
        raise ValueError("accepted are polygons and run lengths")
    if segmentation.get("size") != size_hw:
        raise ValueError(f"its size is {segmentation.get('size')}, the image's {size_hw}")
    counts = segmentation["counts"]
    lengths = _lengths(counts) if isinstance(counts, str) else _plain_lengths(counts)
    if not len(lengths) or lengths.min() < 0 or lengths.sum() != math.prod(size_hw):
        raise ValueError("its counts do not add up to the pixels of the image")
    if isinstance(counts, list):
        counts = _text(coco_mask.frPyObjects({"size": size_hw, "counts": counts}, *size_hw))
    return {"size": size_hw, "counts": counts}


def without_lines(segmentation: Any) -> Any:
    """Polygons without those of fewer than three points, which have no pixels.

    pycocotools passes them over where they come after another one, and takes a polygon of four
    numbers for a box where it comes first.

    Args:
        segmentation: As JSON has it.

    Returns:
        The same object where nothing is left out: run lengths, polygons that all have three points,
        and those of which none has.
    """
    if not isinstance(segmentation, list):
        return segmentation
    lines = [are_numbers(one) and len(one) in (0, 2, 4) for one in segmentation]
    if all(lines) or not any(lines):
        return segmentation
    return [one for one, is_line in zip(segmentation, lines, strict=True) if not is_line]


def are_numbers(values: Any, count: int | None = None) -> bool:
    """Whether it is a list of numbers that floats can hold.

    Args:
        values: As JSON has it.
        count: How many; None is any number of them.
    """
    return (
        isinstance(values, list)
        and (count is None or len(values) == count)
        and all(isinstance(one, int | float) and abs(one) < _LARGEST for one in values)
    )


def _of_polygons(polygons: list[Any], size_hw: list[int]) -> str:
    # pycocotools takes a polygon of four numbers for a box.
    if not all(are_numbers(one) and len(one) >= 6 and len(one) % 2 == 0 for one in polygons):
        raise ValueError("a polygon has at least three points, of two numbers each")
    farthest = max(max(map(abs, one)) for one in polygons)
    if farthest > _FARTHEST_PX:
        raise ValueError(f"a polygon reaches {farthest:g}, accepted is up to {_FARTHEST_PX:,.0f}")
    return _text(coco_mask.merge(coco_mask.frPyObjects(polygons, *size_hw)))


def _text(rle: Any) -> str:
    return str(rle["counts"].decode("ascii"))


def _plain_lengths(counts: list[Any]) -> npt.NDArray[np.int64]:
    if not all(isinstance(one, int) and abs(one) < 1 << 32 for one in counts):
        raise ValueError("its counts are no list of whole numbers of pixels")
    return np.array(counts, dtype=np.int64)


def _lengths(counts: str) -> npt.NDArray[np.int64]:
    """The run lengths that pycocotools' `rleFrString` reads, all at once.

    Raises:
        ValueError: They are none.
    """
    codes = np.frombuffer(counts.encode(), dtype=np.uint8).astype(np.int64) - 48
    # Each character has five bits of a number, and says whether there are more of it.
    ends = np.flatnonzero(codes & 0x20 == 0)
    if not len(ends) or ends[-1] != len(codes) - 1 or codes.min() < 0 or codes.max() > 63:
        raise ValueError("its counts are no compressed run lengths")
    starts = np.concatenate([[0], ends[:-1] + 1])
    digits = ends - starts + 1
    if digits.max() > _MOST_DIGITS:
        raise ValueError("its counts are no compressed run lengths")
    places = np.arange(len(codes)) - np.repeat(starts, digits)
    values = np.add.reduceat((codes & 0x1F) << (5 * places), starts)
    values -= np.where(codes[ends] & 0x10, 1 << (5 * digits), 0)
    # From the fourth on, a number is the difference from the one two before it.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
