"""A result -> the numbers that are reported of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.ratios import Estimate, estimate, percentile, ratio

Result = dict[str, Any]
Turn = dict[str, Any]
"""`series.Measurement.as_dict`."""

FORWARD = "model"
BYTES = "answer bytes"


@dataclass(frozen=True)
class Compared:
    """Two series and their ratio.

    Attributes:
        text: What the ratio is.
        ratio: Of the first to the second.
    """

    text: str
    ratio: Estimate


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


_PAIRS = (
    ("S", "B1", "S, kept busy / B1"),
    ("S1 busy", "B1", "S1, kept busy / B1"),
    ("S", "B0", "S, kept busy / B0"),
    ("S", "B2", "S, kept busy / B2"),
    ("S", "B1xP", "S, kept busy / B1xP"),
    ("S light", "N1", "S / N1, images with few mask pixels"),
    ("S", "N2", "S / N2"),
    ("H", "B1", "H / B1"),
    ("H", "B2", "H / B2"),
    ("B1 again", "B1", "null test: B1 / B1"),
)

_OBJECTS = ((0, 0), (1, 4), (5, 12), (13, 24), (25, 40))
_MEGAPIXELS = ((0, 0.2), (0.2, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 5.0))
_ONE_SHAPE = 640 * 480


def turns(result: Result, series: str) -> list[Turn]:
    """A series, round by round; empty where it was not measured."""
    return [one[series] for one in result["rounds"] if series in one]


def throughput(turn: Turn) -> float:
    """Right answers a second."""
    return float((len(turn["indices"]) - turn["failures"]) / turn["seconds"])


def throughput_ratios(result: Result) -> list[Compared]:
    """All that can be said of this result, further precisions after `exact`."""
    pairs = list(_PAIRS)
    for precision in result["options"]["precisions"]:
        pairs += [
            (f"{arm} {precision}{busy}", "B1", f"{arm} {precision}, kept busy / B1")
            for arm, busy in (("S", ""), ("S1", " busy"))
        ]
    found = []
    for one, other, text in pairs:
        over, under = turns(result, one), turns(result, other)
        if over and under and all(throughput(turn) for turn in under):
            found.append(Compared(text, ratio([*map(throughput, over)], [*map(throughput, under)])))
    return found


def null_test(result: Result) -> Estimate:
    """B1 against itself."""
    again, first = turns(result, "B1 again"), turns(result, "B1")
    return ratio([*map(throughput, again)], [*map(throughput, first)])


def handled_ms(turn: Turn) -> list[float]:
    """Of each request, the sum of all stages."""
    return [sum(stages) for stages in zip(*turn["stages_ms"].values(), strict=True)]


def host_ms(turn: Turn) -> list[float]:
    """Of each request, all stages but the forward pass."""
    rows = [row for name, row in turn["stages_ms"].items() if name != FORWARD]
    return [sum(stages) for stages in zip(*rows, strict=True)]


def beyond_forward_ms(turn: Turn) -> list[float]:
    """Of each request, what the client waited for besides the forward pass."""
    forward = turn["stages_ms"].get(FORWARD, [0.0] * len(turn["latencies_ms"]))
    return [whole - model for whole, model in zip(turn["latencies_ms"], forward, strict=True)]


def transport_ms(turn: Turn) -> list[float]:
    """Of each request, what the client waited for besides the handler's stages."""
    handled = handled_ms(turn) or [0.0] * len(turn["latencies_ms"])
    return [whole - part for whole, part in zip(turn["latencies_ms"], handled, strict=True)]


def stage_medians(result: Result, series: str) -> dict[str, float]:
    """Milliseconds of each stage, over all rounds."""
    rows: dict[str, list[float]] = {}
    for turn in turns(result, series):
        for stage, values in turn["stages_ms"].items():
            rows.setdefault(stage, []).extend(values)
    return {stage: median(values) for stage, values in rows.items()}


def over_rounds(
    result: Result, series: str, per_request: Callable[[Turn], Sequence[float]]
) -> Estimate | None:
    """The median over the requests of a round, then over the rounds."""
    values = [median(per_request(turn)) for turn in turns(result, series)]
    return estimate(values) if values else None


def overhead(result: Result, series: str = "S1") -> Estimate | None:
    """What one client waits for besides the forward pass, as a part of the forward pass."""
    values = [
        median(beyond_forward_ms(turn)) / median(turn["stages_ms"][FORWARD])
        for turn in turns(result, series)
        if FORWARD in turn["stages_ms"]
    ]
    return estimate(values) if values else None


def host_ratio(result: Result) -> Estimate | None:
    """Decoding, resizing, masks and encoding in H against those in B2."""
    ours, theirs = turns(result, "H"), turns(result, "B2")
    if not ours or not theirs:
        return None
    return ratio([sum(host_ms(turn)) for turn in ours], [sum(host_ms(turn)) for turn in theirs])


def bytes_ratio(result: Result) -> Estimate | None:
    """Answers of S against those of N1 for the same images, of those with objects on them."""
    sizes: dict[str, dict[int, int]] = {"S light": {}, "N1": {}}
    for series, by_image in sizes.items():
        for turn in turns(result, series):
            by_image.update(zip(turn["indices"], turn["sizes"], strict=True))
    both = [
        index
        for index in sizes["S light"].keys() & sizes["N1"].keys()
        if result["images"][index]["objects"]
    ]
    pairs = [(sizes["S light"][one], sizes["N1"][one]) for one in both if sizes["N1"][one]]
    return ratio([a for a, _ in pairs], [b for _, b in pairs]) if pairs else None


def tail_ms(latencies_ms: Sequence[float]) -> dict[str, float]:
    """Percentiles that so many requests can say something about, and the largest."""
    percents = [50, 90, 95] if len(latencies_ms) >= 100 else [50, 90]
    if len(latencies_ms) >= 1000:
        percents.append(99)
    found = {f"p{percent}": percentile(latencies_ms, percent) for percent in percents}
    return {**found, "max": max(latencies_ms)}


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


def _buckets(result: Result, kinds: dict[str, list[int]]) -> list[Bucket]:
    rows = {
        "B2 host": _by_image(result, "B2", host_ms),
        "H host": _by_image(result, "H", host_ms),
        "S1 beyond forward": _by_image(result, "S1", beyond_forward_ms),
        "S1 latency": _by_image(result, "S1", lambda turn: turn["latencies_ms"]),
        BYTES: _by_image(result, "S1", lambda turn: turn["sizes"]),
    }
    found = []
    for text, images in kinds.items():
        values = {
            name: [value for index in images for value in by_image.get(index, [])]
            for name, by_image in rows.items()
        }
        medians = {name: median(some) for name, some in values.items() if some}
        if medians:
            found.append(Bucket(text, len(images), medians))
    return found


def _by_image(
    result: Result, series: str, per_request: Callable[[Turn], Sequence[float]]
) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for turn in turns(result, series):
        for index, value in zip(turn["indices"], per_request(turn), strict=True):
            found.setdefault(index, []).append(value)
    return found


def _pixels(image: dict[str, Any]) -> int:
    return int(image["width"]) * int(image["height"])
