"""Ratios of times that were taken one after another."""

import math

import pytest

from client.answers.record import Record
from client.answers.times import CLIENT
from client.compare.speed import SERVER, compare_speed, seconds_of


def record(seconds: float, **stages: float) -> Record:
    return Record("a.png", "1", seconds, {}, stages)


def test_an_answer_has_the_time_of_the_caller_and_of_the_server():
    assert seconds_of(record(0.1, decode=0.01, model=0.05)) == {
        CLIENT: 0.1,
        SERVER: pytest.approx(0.06),
        "decode": 0.01,
        "model": 0.05,
    }
    assert seconds_of(record(0.1)) == {CLIENT: 0.1}


def test_ratios_are_of_pairs_and_one_that_waited_changes_little():
    pairs = [({CLIENT: s}, {CLIENT: 1.2 * s}) for s in (0.05, 0.1, 0.2, 0.4, 0.8)]
    pairs.append(({CLIENT: 0.1}, {CLIENT: 60.0}))
    found = compare_speed(pairs, count=500)[CLIENT]
    assert found.images == 6
    assert found.ratio == pytest.approx(1.2)
    assert found.interval.low == pytest.approx(1.2)
    assert found.interval.high > 100  # with six images, one of them may be half of a resample
    assert found.old_s == pytest.approx(0.15)


def test_stages_that_only_one_names_are_left_out_and_0_has_no_ratio():
    pairs = [({CLIENT: 0.1, "read": 0.0, "tile": 0.1}, {CLIENT: 0.1, "read": 0.0})] * 3
    found = compare_speed(pairs, count=100)
    assert list(found) == [CLIENT, "read"]
    assert found["read"].images == 0
    assert math.isnan(found["read"].ratio)
    assert math.isnan(found["read"].interval.low)


def test_the_same_times_are_once_as_long():
    pairs = [({CLIENT: s / 100}, {CLIENT: s / 100}) for s in range(1, 9)]
    found = compare_speed(pairs, count=100)[CLIENT]
    assert (found.ratio, found.interval.low, found.interval.high) == (1.0, 1.0, 1.0)
