"""What a soak says about memory, when it sends, and a short one on a real server."""

import pytest

from torture.errors import TortureError
from torture.soak.pace import _schedule
from torture.soak.report import draw, markdown
from torture.soak.run import memory_over_time, soak


def samples(*values: float) -> list[dict[str, float]]:
    return [{"at_s": number + 1.0, "worker_own_mb": one} for number, one in enumerate(values)]


def test_memory_is_compared_behind_the_warm_up():
    memory = memory_over_time(samples(*[100] * 10, *[200] * 80, *[210] * 10), 100)
    assert memory["after_warm_up_mb"] == 200
    assert memory["at_the_end_mb"] == 210
    assert memory["growth"] == pytest.approx(0.05)
    assert memory["most_mb"] == 210


def test_too_few_samples_say_nothing():
    with pytest.raises(TortureError, match="1 samples say nothing"):
        memory_over_time(samples(100), 1)


def test_requests_come_at_the_rate_that_is_asked_for():
    offsets = [offset for offset, _ in _schedule(10, 500, 7)]
    assert len(offsets) == pytest.approx(5000, rel=0.05)
    assert offsets == sorted(offsets)
    numbers = [number for _, number in _schedule(10, 500, 7)]
    assert {numbers.count(number) for number in range(7)} <= set(range(600, 830))


def test_a_short_one_on_a_real_server(pytestconfig, tmp_path):
    said: list[str] = []
    row = soak(
        archive=pytestconfig.rootpath / "model_store" / "coins.mar",
        seconds=8,
        environment={"MALLOC_ARENA_MAX": "2"},
        say=said.append,
    )
    assert row["account"]["requests"] > 10
    assert (row["account"]["lost"], row["account"]["malformed"]) == (0, 0)
    assert row["server_environment"] == {"MALLOC_ARENA_MAX": "2"}
    assert len(row["samples"]) > 4
    assert "asked for" in said[1]
    assert "| requests | " in markdown(row)
    draw(row, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
