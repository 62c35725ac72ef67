import pytest

from deploy.ray.jobs.attempts import Attempt, Attempts


def test_a_part_that_nobody_died_at(storage):
    attempts = Attempts(storage, "run")
    assert attempts.begin(0) is None
    attempts.end(0)
    assert attempts.begin(0) is None


def test_what_workers_of_a_run_die_of_is_found_one_after_the_other(storage):
    attempts = Attempts(storage, "run")
    attempts.begin(0)  # and dies
    second = attempts.begin(0)
    assert second == Attempt("run")
    attempts.alone(0, second, 4)
    attempts.alone(0, second, 5)  # and dies
    third = attempts.begin(0)
    assert third.deadly == (5,)
    attempts.alone(0, third, 6)  # and dies
    assert attempts.begin(0).deadly == (5, 6)
    assert attempts.begin(1) is None


def test_what_an_earlier_run_was_killed_at_says_nothing(storage):
    before = Attempts(storage, "before")
    before.begin(0)
    before.alone(0, Attempt("before"), 5)
    assert Attempts(storage, "now").begin(0) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
def test_a_note_that_is_half_written_is_none(storage, content):
    storage.write(".attempts/part-000000.json", content)
    assert Attempts(storage, "run").begin(0) is None
