"""What counts as right, wrong, lost and without an answer; what the longest gap is."""

import pytest

from torture.account import account, is_well_formed, longest_gap_s
from torture.load import Outcome

RIGHT = {"model": {}, "image": {}, "predictions": [1]}
OTHER = {"model": {}, "image": {}, "predictions": [2]}
ERROR = {"code": 500, "type": "InternalServerException", "message": "Worker died."}
EXPECTED = [RIGHT]


def outcome(status, document=None, *, start=0.0, seconds=0.1, hung=False) -> Outcome:
    return Outcome(0, start, seconds, status, document, hung)


def test_every_kind_is_counted():
    seen = account(
        [
            outcome(200, RIGHT),
            outcome(200, OTHER),
            outcome(200, "not JSON"),
            outcome(500, ERROR, seconds=2.0),
            outcome(413, "<html>"),
            outcome(0, "reset"),
            outcome(0, "time-out", hung=True),
        ],
        EXPECTED,
    )
    assert seen.answers == {
        "200": 3,
        "500 InternalServerException": 1,
        "413": 1,
        "cut off": 1,
        "no answer": 1,
    }
    assert (seen.requests, seen.wrong, seen.malformed, seen.lost, seen.hung) == (7, 2, 2, 6, 1)
    assert seen.longest_s == 2.0
    assert seen.reasons["500 InternalServerException"] == "Worker died."
    assert seen.reasons["cut off"] == "reset"
    assert seen.said.startswith("3 x 200, 1 x 500 InternalServerException")


def test_nothing_is_counted_as_nothing():
    seen = account([], EXPECTED)
    assert (seen.requests, seen.lost, seen.said, seen.longest_s) == (0, 0, "nothing", 0.0)


@pytest.mark.parametrize(
    ("status", "document", "well_formed"),
    [
        pytest.param(200, RIGHT, True, id="answer"),
        pytest.param(200, {"model": {}}, False, id="part of an answer"),
        pytest.param(200, ERROR, False, id="error with 200"),
        pytest.param(500, ERROR, True, id="error"),
        pytest.param(503, ERROR, False, id="another code than the status"),
        pytest.param(500, {"code": 500, "type": "X"}, False, id="error without a reason"),
        pytest.param(500, "Worker died.", False, id="text"),
        pytest.param(200, [], False, id="list"),
    ],
)
def test_what_is_well_formed(status, document, well_formed):
    assert is_well_formed(outcome(status, document)) is well_formed


@pytest.mark.parametrize(
    ("ends", "gap"),
    [
        pytest.param([0.9, 1.1, 1.2, 4.2, 4.9], 3.0, id="in the middle"),
        pytest.param([0.9, 3.5, 4.0, 4.9], 2.5, id="at once"),
        pytest.param([0.9, 1.1], 3.9, id="until the end"),
        pytest.param([], 4.0, id="all the time"),
    ],
)
def test_the_longest_gap_counts_right_answers_alone(ends, gap):
    outcomes = [outcome(200, RIGHT, start=end - 0.1) for end in ends]
    outcomes += [outcome(200, OTHER, start=2.0), outcome(500, ERROR, start=3.0)]
    assert longest_gap_s(outcomes, EXPECTED, since=1.0, until=5.0) == pytest.approx(gap)
