"""A comparison -> histograms of its page: how far objects are apart, how many times as long."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from client.answers.times import CLIENT
from client.compare.agreement import Spread
from client.compare.comparison import Comparison
from client.compare.words import SHAPES
from client.report.plots import Histogram, Histograms

_BARS = 24


def apart(comparison: Comparison) -> list[Histograms]:
    """How far objects that both find are apart.

    Args:
        comparison: What was found.
    """
    total = comparison.agreement.total
    found = [_overlaps(shape, total.overlaps[shape]) for shape in SHAPES if shape in total.overlaps]
    if len(total.shifts.values):
        found.append(_shifts(total.shifts))
    lead = "Of objects that both versions find, as the same class."
    return [Histograms("How far apart", found, lead)] if found else []


def _overlaps(shape: str, spread: Spread) -> Histogram:
    lowest = float(spread.values[0])
    counts, edges = np.histogram(spread.values, bins=_BARS, range=(min(lowest, 0.9), 1.0))
    return _histogram(SHAPES[shape], SHAPES[shape], counts, edges, spread)


def _shifts(spread: Spread) -> Histogram:
    widest = max(0.05, float(np.abs(spread.values).max()))
    # An odd number, so that what has not moved has the bar in the middle.
    counts, edges = np.histogram(spread.values, bins=_BARS + 1, range=(-widest, widest))
    return _histogram("Shift of scores", "new score without the old one", counts, edges, spread)


def _histogram(
    title: str,
    unit: str,
    counts: npt.NDArray[np.int64],
    edges: npt.NDArray[np.float64],
    spread: Spread,
) -> Histogram:
    return Histogram(
        title,
        f"how many objects have which {unit}",
        unit,
        "objects",
        edges.tolist(),
        counts.tolist(),
        [(spread.median, "median")],
        digits=3,
    )


def ratios(comparison: Comparison, document: Mapping[str, Any]) -> Histogram:
    """How many images took how many times as long.

    Args:
        comparison: What was found.
        document: The same as `report.json` has it.
    """
    found = np.array([one.new_s / one.old_s for one in comparison.images if one.old_s > 0])
    # A few that waited for a restart would squeeze all others into one bar.
    low, middle, high = np.percentile(found, (1, 50, 99)) if len(found) else (1.0, 1.0, 1.0)
    ends = (min(low, 0.9 * middle), max(high, 1.1 * middle))
    counts, edges = np.histogram(np.clip(found, *ends), bins=_BARS, range=ends)
    ratio = document["speed"][CLIENT]["ratio"]
    return Histogram(
        "",
        "how many images took how many times as long",
        "times as long; the outer bars have all beyond",
        "images",
        edges.tolist(),
        counts.tolist(),
        [] if ratio is None else [(ratio, "median")],
        digits=2,
    )
