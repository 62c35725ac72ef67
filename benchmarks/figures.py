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


@dataclass(frozen=True)
class Compared:
    """Two series and their ratio.

    Attributes:
        text: What the ratio is.
        ratio: Of the first to the second.
    """

    text: str
    ratio: Estimate


_PAIRS = (
    ("S", "B1", "S, kept busy / B1"),
    ("S1 busy", "B1", "S1, kept busy / B1"),
    ("S", "B0", "S, kept busy / B0"),
    ("S", "B2", "S, kept busy / B2"),
    ("B1xP", "B1", "B1xP / B1"),
    ("S", "B1xP", "S, kept busy / B1xP"),
    ("B1xP forward", "B1", "B1xP, its forward passes alone / B1"),
    ("S", "B1xP forward", "S, kept busy / B1xP, its forward passes alone"),
    ("S light", "N1", "S / N1, images with few mask pixels"),
    ("S one by one", "N1 one by one", "S / N1, one client, images with up to 12 million of them"),
    ("S", "N2", "S / N2"),
    ("H", "B1", "H / B1"),
    ("H", "B2", "H / B2"),
    ("B1 again", "B1", "null test: B1 / B1"),
)


def turns(result: Result, series: str) -> list[Turn]:
    """A series, round by round; empty where it was not measured."""
    return [one[series] for one in result["rounds"] if series in one]


def answered(result: Result, series: str) -> list[Turn]:
    """The same where every answer was right; empty where one was missing or wrong.

    An error comes sooner than an answer and has no stages: nothing can be said of how long a
    series takes that failed.
    """
    found = turns(result, series)
    return [] if any(turn["failures"] for turn in found) else found


def throughput(turn: Turn) -> float:
    """Right answers a second."""
    return float((len(turn["indices"]) - turn["failures"]) / turn["seconds"])


def rate(result: Result, series: str) -> float | None:
    """Right answers a second, median over the rounds; None where it was not measured."""
    rates = [*map(throughput, turns(result, series))]
    return median(rates) if rates else None


def throughput_ratio(result: Result, over: str, under: str) -> Estimate | None:
    """Of two series; None where one of them was not measured, or `under` never answers."""
    numerators, denominators = turns(result, over), turns(result, under)
    if not numerators or not denominators or not all(map(throughput, denominators)):
        return None
    return ratio([*map(throughput, numerators)], [*map(throughput, denominators)])


def throughput_ratios(result: Result) -> list[Compared]:
    """All that can be said of this result, further precisions after `exact`."""
    pairs = list(_PAIRS)
    for precision in further_precisions(result):
        pairs += [
            (f"S {precision}", "B1", f"S {precision}, kept busy / B1"),
            (f"S {precision}", "S", f"S {precision} / S"),
        ]
    found = [(text, throughput_ratio(result, one, other)) for one, other, text in pairs]
    return [Compared(text, value) for text, value in found if value is not None]


def further_precisions(result: Result) -> list[str]:
    """Those that were asked for besides `exact`."""
    return [one for one in result["options"]["precisions"] if one != "exact"]


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


def forward_ms(turn: Turn) -> list[float]:
    """Of each request, the forward pass; 0 where the arm does not say."""
    found: list[float] = turn["stages_ms"].get(FORWARD, [0.0] * len(turn["latencies_ms"]))
    return found


def beyond_forward_ms(turn: Turn) -> list[float]:
    """Of each request, what the client waited for besides the forward pass."""
    pairs = zip(turn["latencies_ms"], forward_ms(turn), strict=True)
    return [whole - model for whole, model in pairs]


def transport_ms(turn: Turn) -> list[float]:
    """Of each request, what the client waited for besides the handler's stages."""
    handled = handled_ms(turn) or [0.0] * len(turn["latencies_ms"])
    return [whole - part for whole, part in zip(turn["latencies_ms"], handled, strict=True)]


def stage_medians(result: Result, series: str) -> dict[str, float]:
    """Milliseconds of each stage, over all rounds."""
    rows: dict[str, list[float]] = {}
    for turn in answered(result, series):
        for stage, values in turn["stages_ms"].items():
            rows.setdefault(stage, []).extend(values)
    return {stage: median(values) for stage, values in rows.items()}


def over_rounds(
    result: Result, series: str, per_request: Callable[[Turn], Sequence[float]]
) -> Estimate | None:
    """The median over the requests of a round, then over the rounds; None where some failed."""
    values = [median(per_request(turn)) for turn in answered(result, series)]
    return estimate(values) if values else None


def overhead(result: Result, series: str = "S1") -> Estimate | None:
    """What one client waits for besides the forward pass, as a part of the forward pass."""
    values = [
        median(beyond_forward_ms(turn)) / median(turn["stages_ms"][FORWARD])
        for turn in answered(result, series)
        if FORWARD in turn["stages_ms"]
    ]
    return estimate(values) if values else None


def above(result: Result, floor: str) -> Estimate | None:
    """Milliseconds of S1 beyond the handler's stages, less those of another series.

    Args:
        result: Of the run.
        floor: `T`, or `T work`.

    Returns:
        Of each round the difference of both medians, then the median over the rounds; None where
        one of the two was not measured, or failed.
    """
    ours, theirs = answered(result, "S1"), answered(result, floor)
    if not ours or not theirs:
        return None
    pairs = zip(ours, theirs, strict=True)
    return estimate([median(transport_ms(one)) - median(transport_ms(t)) for one, t in pairs])


def start_ratio(result: Result) -> Estimate | None:
    """Seconds from the start until all workers answer, S against N1."""
    ours, theirs = (result["starts"].get(name, []) for name in ("S", "N1"))
    return ratio(ours, theirs) if ours and len(ours) == len(theirs) else None


def host_ratio(result: Result) -> Estimate | None:
    """Decoding, resizing, masks and encoding in H against those in B2.

    None where one of the two was not measured, or failed.
    """
    ours, theirs = answered(result, "H"), answered(result, "B2")
    if not ours or not theirs:
        return None
    return ratio([sum(host_ms(turn)) for turn in ours], [sum(host_ms(turn)) for turn in theirs])


def bytes_ratio(result: Result) -> Estimate | None:
    """Answers of S against those of N1 for the same images, of those with objects on them."""
    sizes: dict[str, dict[int, int]] = {"S light": {}, "N1": {}}
    for series, by_image in sizes.items():
        for turn in answered(result, series):
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


def by_image(
    result: Result, series: str, per_request: Callable[[Turn], Sequence[float]]
) -> dict[int, list[float]]:
    """What was measured of each request, by number of the image, over all rounds.

    Empty where the series was not measured, or failed.
    """
    found: dict[int, list[float]] = {}
    for turn in answered(result, series):
        for index, value in zip(turn["indices"], per_request(turn), strict=True):
            found.setdefault(index, []).append(value)
    return found
