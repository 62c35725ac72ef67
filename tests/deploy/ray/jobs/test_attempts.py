import pytest

from client.errors import ClientError
from deploy.ray.jobs.attempts import Attempt, Attempts


def test_a_part_that_nobody_died_at(storage):
    attempts = Attempts(storage, "run")
    assert attempts.begin(0) == Attempt("run")
    attempts.end(0)
    assert attempts.begin(0) == Attempt("run")


def test_what_workers_of_a_run_die_of_is_found_one_after_the_other(storage):
    attempts = Attempts(storage, "run")
    attempts.ask(0, attempts.begin(0), [4, 5, 6])  # and dies
    second = attempts.begin(0)
    assert (second.suspects, second.deadly) == ((4, 5, 6), [])
    attempts.ask(0, second, [4])
    attempts.ask(0, second, [])
    attempts.ask(0, second, [5])  # and dies
    third = attempts.begin(0)
    assert (third.suspects, third.deadly) == ((4, 5, 6), [])
    attempts.ask(0, third, [5])  # and dies
    assert attempts.begin(0).deadly == [5]
    assert attempts.begin(1) == Attempt("run")


def test_machines_that_are_taken_away_are_no_images_fault(storage):
    attempts = Attempts(storage, "run")
    for index in (4, 5, 6):
        attempts.ask(0, attempts.begin(0), [index])
    assert attempts.begin(0).deadly == []


def test_a_part_that_ends_workers_at_no_image_ends_the_job(storage):
    attempts = Attempts(storage, "run")
    for _ in range(5):
        attempts.begin(3)
    with pytest.raises(ClientError, match="5 workers died at part 3 while they asked about no im"):
        attempts.begin(3)


def test_what_an_earlier_run_was_killed_at_says_nothing(storage):
    before = Attempts(storage, "before")
    before.ask(0, before.begin(0), [5])
    assert Attempts(storage, "now").begin(0) == Attempt("now")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
def test_a_note_that_is_half_written_is_none(storage, content):
    storage.write(".attempts/part-000000.json", content)
    assert Attempts(storage, "run").begin(0) == Attempt("run")
