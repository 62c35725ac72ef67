import numpy as np
import pytest

from benchmarks.ratios import estimate, percentile, ratio


def test_a_ratio_is_taken_round_by_round():
    drifting = [10.0, 20.0, 40.0]  # the machine gets faster; both arms see it
    found = ratio([2 * one for one in drifting], drifting)
    assert (found.median, found.low, found.high, found.values) == (2, 2, 2, (2, 2, 2))


def test_the_median_is_over_rounds():
    assert ratio([1, 2, 9], [1, 1, 1]).median == 2


def test_the_interval_lies_within_the_rounds_and_around_the_median():
    found = estimate([1.0, 1.1, 0.9, 1.05, 0.95])
    assert 0.9 <= found.low < found.median < found.high <= 1.1
    assert found.contains(1)
    assert not found.contains(1.2)


def test_the_interval_is_the_same_every_time():
    values = np.random.default_rng(1).normal(1, 0.1, 7).tolist()
    assert estimate(values) == estimate(values)


def test_the_interval_covers_what_it_says():
    """Of many runs of 15 rounds around a median of 1, about 95 in 100 contain it."""
    random = np.random.default_rng(2)
    covered = [estimate(random.normal(1, 0.1, 15).tolist()).contains(1) for _ in range(100)]
    assert 88 <= sum(covered) <= 100


def test_one_round_has_no_width():
    assert estimate([3.0]).low == estimate([3.0]).high == 3


def test_no_round_is_an_error():
    with pytest.raises(ValueError, match="no round"):
        estimate([])


def test_rounds_must_be_pairs():
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


def test_percentiles_are_interpolated():
    assert percentile([0.0, 10.0], 25) == 2.5
