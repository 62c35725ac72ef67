"""How many times as long the new version takes: the median over images that both were asked about.

Each image gives a ratio of two times that were taken one after another. Their median does not mind
a few that waited for a restart, and a bootstrap over images says how sure it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from client.answers.record import Record
from client.answers.times import CLIENT
from client.compare.bootstrap import Interval, interval, resampled_medians
from client.evaluate.steps import Step, no_step

SERVER = "server"
"""All stages on the server together; the queue and the network are not in it."""

Seconds: TypeAlias = Mapping[str, float]
"""By stage: `CLIENT`, and where the answer says so `SERVER` and its stages."""


@dataclass(frozen=True)
class Ratio:
    """A time of both versions.

    Attributes:
        images: Of how many.
        old_s: Median of the old version, in seconds.
        new_s: Median of the new one.
        ratio: Median of the ratios, new by old; NaN where there is no image.
        interval: Of that.
    """

    images: int
    old_s: float
    new_s: float
    ratio: float
    interval: Interval


def seconds_of(record: Record) -> Seconds:
    """How long an answer took."""
    server = {SERVER: sum(record.stages.values())} if record.stages else {}
    return {CLIENT: record.seconds, **server, **record.stages}


def compare_speed(
    pairs: Sequence[tuple[Seconds, Seconds]], *, count: int, step: Step = no_step
) -> dict[str, Ratio]:
    """Compare times.

    Args:
        pairs: Of each image, the old version's first.
        count: How many resamples.
        step: Called with each part.

    Returns:
        By stage, as far as both versions name it.
    """
    times: dict[str, list[tuple[float, float]]] = {}
    for old, new in pairs:
        for stage in old:
            if stage in new:
                times.setdefault(stage, []).append((old[stage], new[stage]))
    return {stage: _ratio(found, count, step) for stage, found in times.items()}


def _ratio(pairs: Sequence[tuple[float, float]], count: int, step: Step) -> Ratio:
    seconds = np.array(pairs, dtype=np.float64)
    # Servers round to hundredths of a millisecond: of 0 there is no ratio.
    measured = seconds[(seconds > 0).all(axis=1)]
    ratios = measured[:, 1] / measured[:, 0]
    old_s, new_s = np.median(seconds, axis=0).tolist()
    if not len(ratios):
        return Ratio(0, old_s, new_s, float("nan"), Interval(float("nan"), float("nan")))
    found = interval(resampled_medians(ratios, count, step=step))
    return Ratio(len(ratios), old_s, new_s, float(np.median(ratios)), found)
