"""The short form of `python -m torture.versions`, and that it would see a lost or wrong answer."""

import json

import pytest

from torture.load import Outcome
from torture.versions import _differ, _is_right, main


def test_a_change_and_its_undoing_under_load_lose_nothing(pytestconfig, capsys):
    archive = pytestconfig.rootpath / "model_store" / "coins.mar"
    assert main(["--changes", "2", "--archive", str(archive)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["changes"] == 2
    assert (figures["lost"], figures["wrong"], figures["undrained"]) == (0, 0, 0)
    assert figures["versions_differ"]
    assert min(figures["answers_by_version"].values()) > 0
    assert figures["requests"] > 20
    by_name = figures["by_name"]
    assert by_name["wrong"] == 0
    assert by_name["answers"]["200"] > 0


@pytest.mark.parametrize(
    ("document", "right"),
    [
        ({"model": {"version": "1.0"}, "predictions": [1]}, True),
        ({"model": {"version": "1.0"}, "predictions": [2]}, False),
        ({"model": {"version": "3.0"}, "predictions": [1]}, False),
    ],
    ids=["right", "another answer", "another version"],
)
def test_an_answer_is_right_when_it_is_its_versions(document, right):
    expected = {"1.0": [{"model": {"version": "1.0"}, "predictions": [1]}]}
    assert _is_right(Outcome(0, 0.0, 0.1, 200, document), expected) is right


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        ([[1], [2]], False),
        ([[3], [2]], False),
        ([[3], [4]], True),
        ([], False),
    ],
    ids=["another name alone", "on one image", "on every image", "never asked"],
)
def test_versions_differ_by_what_they_say_and_not_by_their_name(other, differ):
    one = [{"model": {"version": "1.0"}, "predictions": said} for said in ([1], [2])]
    two = [{"model": {"version": "2.0"}, "predictions": said} for said in other]
    assert _differ(one, two) is differ
