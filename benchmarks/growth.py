"""A result -> how cost grows: with objects, with pixels, with the pixels of masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import (
    Result,
    answered,
    beyond_forward_ms,
    by_image,
    host_ms,
)
from benchmarks.material import PHOTOGRAPH
from benchmarks.ratios import Estimate, ratio

BYTES = "answer bytes"

_OBJECTS = ((0, 0), (1, 4), (5, 12), (13, 24), (25, 40))
_MEGAPIXELS = ((0, 0.2), (0.2, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 5.0))
_MASK_MEGAPIXELS = ((0, 0), (0, 1.0), (1.0, 2.5), (2.5, 5.0), (5.0, 12.0))
_ONE_SHAPE = 640 * 480


@dataclass(frozen=True)
class Bucket:
    """What images of one kind cost; medians.

    Attributes:
        text: Which images.
        images: How many.
        values: By what is reported, milliseconds or bytes; without those that were not measured.
    """

    text: str
    images: int
    values: dict[str, float]


@dataclass(frozen=True)
class AgainstNaive:
    """S and N1, asked by one client about images of one kind.

    Attributes:
        text: Which images.
        images: How many.
        ours_ms: Median latency of S.
        theirs_ms: Median latency of N1.
        theirs_mb: Largest answer of N1, in millions of bytes.
        ratio: Throughput of S / of N1, round by round.
    """

    text: str
    images: int
    ours_ms: float
    theirs_ms: float
    theirs_mb: float
    ratio: Estimate


def by_objects(result: Result) -> list[Bucket]:
    """What objects cost, on the images of 640 x 480."""
    images = [k for k, one in enumerate(result["images"]) if _pixels(one) == _ONE_SHAPE]
    objects = [one["objects"] for one in result["images"]]
    kinds = {
        f"{low} to {high}" if low < high else str(low): [
            index for index in images if low <= objects[index] <= high
        ]
        for low, high in _OBJECTS
    }
    return _buckets(result, kinds)


def by_size(result: Result) -> list[Bucket]:
    """What pixels cost, on all images."""
    megapixels = [_pixels(one) / 1e6 for one in result["images"]]
    kinds = {
        f"{low} to {high}": [k for k, size in enumerate(megapixels) if low <= size < high]
        for low, high in _MEGAPIXELS
    }
    return _buckets(result, kinds)


def by_mask_pixels(result: Result) -> list[AgainstNaive]:
    """What masks cost that are lists of pixels; the last row is the photograph of 24 coins.

    Nothing where S or N1 failed.
    """
    sizes = [_pixels(one) * one["objects"] / 1e6 for one in result["images"]]
    kinds = {
        f"{low:g} to {high:g}" if low < high else f"{low:g}": [
            k for k, size in enumerate(sizes) if low < size <= high or size == low == high
        ]
        for low, high in _MASK_MEGAPIXELS
    }
    rows = [_against_naive(result, text, images) for text, images in kinds.items()]
    return [one for one in (*rows, photograph(result)) if one is not None]


def photograph(result: Result) -> AgainstNaive | None:
    """The photograph of 24 coins alone; None where S or N1 was not asked about it, or failed."""
    numbers = [k for k, one in enumerate(result["images"]) if one["name"] == PHOTOGRAPH]
    for one in (result["images"][number] for number in numbers):
        size = _pixels(one) * one["objects"] / 1e6
        text = f"{size:.1f}: {one['height']} x {one['width']}, {one['objects']} coins"
        return _against_naive(result, text, numbers)
    return None


def _against_naive(result: Result, text: str, images: Sequence[int]) -> AgainstNaive | None:
    names = ("S one by one", "N1 one by one")
    by_round = [
        [
            [
                latency
                for index, latency in zip(turn["indices"], turn["latencies_ms"], strict=True)
                if index in images
            ]
            for turn in answered(result, name)
        ]
        for name in names
    ]
    ours, theirs = by_round
    if not any(ours) or not any(theirs):
        return None
    sizes = by_image(result, "N1 one by one", lambda turn: turn["sizes"])
    asked = [index for index in images if index in sizes]
    return AgainstNaive(
        text,
        len(asked),
        median(value for one in ours for value in one),
        median(value for one in theirs for value in one),
        max(size for index in asked for size in sizes[index]) / 1e6,
        ratio([*map(sum, theirs)], [*map(sum, ours)]),
    )


def _buckets(result: Result, kinds: dict[str, list[int]]) -> list[Bucket]:
    rows = {
        "B2 host": by_image(result, "B2", host_ms),
        "H host": by_image(result, "H", host_ms),
        "S1 beyond forward": by_image(result, "S1", beyond_forward_ms),
        "S1 latency": by_image(result, "S1", lambda turn: turn["latencies_ms"]),
        BYTES: by_image(result, "S1", lambda turn: turn["sizes"]),
    }
    found = []
    for text, images in kinds.items():
        values = {
            name: [value for index in images for value in one.get(index, [])]
            for name, one in rows.items()
        }
        medians = {name: median(some) for name, some in values.items() if some}
        if medians:
            found.append(Bucket(text, len(images), medians))
    return found


def _pixels(image: dict[str, int]) -> int:
    return image["width"] * image["height"]
