import numpy as np
import pytest

from client.answers.record import Failure, Record
from client.answers.times import Times


def test_means_and_percentiles_are_numpys():
    times, seconds = Times(), np.random.default_rng(0).exponential(0.1, 777)
    for one in seconds:
        times.add(Record("a", "1", one, {}, {"model": one / 2}))
    found = times.document()
    assert list(found) == ["client", "model"]
    for stage, values in (("client", seconds), ("model", seconds / 2)):
        expected = {
            "mean": values.mean(),
            **{f"p{one}": np.percentile(values, one) for one in (50, 90, 95, 99)},
            "longest": values.max(),
        }
        assert found[stage] == pytest.approx(expected)


def test_failures_have_no_time():
    times = Times()
    times.add(Record("a", "1", 60.0, failure=Failure("X", "y")))
    assert times.document() == {}


def test_a_stage_that_few_answers_have():
    times = Times()
    times.add(Record("a", "1", 1.0, {}, {"model": 1.0}))
    times.add(Record("b", "1", 3.0, {}, {"model": 2.0, "merge": 4.0}))
    found = times.document()
    assert found["merge"] == {
        "mean": 4.0, "p50": 4.0, "p90": 4.0, "p95": 4.0, "p99": 4.0, "longest": 4.0
    }  # fmt: skip
    assert found["client"]["mean"] == 2.0
