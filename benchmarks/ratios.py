"""Medians, percentiles and bootstrap intervals of ratios."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        median: Over rounds.
        low: Lower end of the 95 % interval.
        high: Upper end.
        values: One a round. Of fewer than three an interval says nothing.
    """

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    def contains(self, value: float) -> bool:
        """Whether the interval does."""
        return self.low <= value <= self.high


def estimate(values: Sequence[float]) -> Estimate:
    """Median and percentile bootstrap over rounds; the same for the same values.

    The rounds are drawn with replacement 10,000 times; the interval goes from the 2.5th to the
    97.5th percentile of the medians (Efron and Tibshirani, An Introduction to the Bootstrap, 13.3).

    Args:
        values: One a round.
    """
    rounds = np.asarray(values, np.float64)
    if not len(rounds):
        raise ValueError("There is no round to estimate from.")
    drawn = np.random.default_rng(0).integers(len(rounds), size=(_RESAMPLES, len(rounds)))
    low, high = np.percentile(np.median(rounds[drawn], axis=1), [2.5, 97.5])
    return Estimate(float(np.median(rounds)), float(low), float(high), tuple(rounds.tolist()))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Of two arms that took turns: the ratio of each round, then median and interval of those."""
    pairs = zip(numerators, denominators, strict=True)
    return estimate([one / other for one, other in pairs])


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear interpolation between the two nearest."""
    return float(np.percentile(np.asarray(values, np.float64), percent))
