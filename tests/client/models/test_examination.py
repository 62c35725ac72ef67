"""What a comparison on images of the user's own keeps a version from."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from client.compare.command import Outcome
from client.compare.comparison import Failed
from client.compare.conditions import QUANTITIES, Value, parse_condition, verdicts
from client.compare.gathering import Unfinished
from client.compare.images import Images
from client.errors import ClientError, ServerUnreachable
from client.models import examination
from client.models.archive import Archive
from client.models.errors import RolloutRefused
from client.models.examination import Examination, examine

CONDITION = parse_condition("agreement<0.9")
VALUES = {name: Value(0.5) for name in QUANTITIES}


def examined(monkeypatch, came_of_it, **changes):
    """What becomes of a rollout after a comparison that came to this."""
    asked = []

    def compare(connection, request, conditions, *, progress, step):
        asked.append(request)
        progress(None)
        step("computing AP")
        if isinstance(came_of_it, Exception):
            raise came_of_it
        return came_of_it

    steps = []
    monkeypatch.setattr(examination, "compare", compare)
    plan = Examination(SimpleNamespace(), Images({}), [CONDITION], **changes)
    found = examine(
        plan,
        SimpleNamespace(version="1.0"),
        Archive(Path(), "pets", "2.0", ""),
        lambda: steps.append(1),
    )
    assert len(steps) == 2  # of asking, and of computing
    return found, asked[0]


def test_what_is_not_so_passes_and_keeps_no_files(monkeypatch):
    passed = verdicts([CONDITION], VALUES | {"agreement": Value(0.95)})
    found, request = examined(monkeypatch, Outcome({}, passed, True, []), score=0.7)
    assert found == passed
    assert (request.model, request.versions) == ("pets", ("1.0", "2.0"))
    assert (request.settings.score, request.restart, request.shown) == (0.7, True, 0)
    assert not request.folder.exists()


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        pytest.param(Value(0.5), "pets 2.0 beside 1.0: agreement<0.9: agreement is 0.5.", id="so"),
        pytest.param(
            Value(None, "nothing was found"),
            "pets 2.0 beside 1.0: agreement<0.9: agreement is not defined, nothing was found.",
            id="nobody can tell",
        ),
        pytest.param(
            Value(None, "there are no masks", is_missing=True),
            "pets 2.0 beside 1.0: agreement<0.9: agreement is not defined, there are no masks.",
            id="not there",
        ),
    ],
)
def test_what_is_so_is_refused(value, sentence, monkeypatch, tmp_path):
    outcome = Outcome({}, verdicts([CONDITION], VALUES | {"agreement": value}), True, [])
    with pytest.raises(RolloutRefused) as refused:
        examined(monkeypatch, outcome)
    assert (refused.value.gate, str(refused.value)) == ("conditions", sentence)
    with pytest.raises(RolloutRefused, match=r"compared/report\.html shows it\.$"):
        examined(monkeypatch, outcome, report=tmp_path / "compared")


def test_a_version_that_does_not_answer_where_the_old_one_does_is_refused(monkeypatch):
    failed = [Failed("b.png", "new", "InternalError", "500 InternalError: No.")]
    passed = verdicts([CONDITION], VALUES | {"agreement": Value(0.95)})
    with pytest.raises(RolloutRefused, match=r"about 1 image that 1\.0 answers.* b\.png: 500") as r:
        examined(monkeypatch, Outcome({}, passed, False, failed))
    assert r.value.gate == "answers"


def test_a_server_that_goes_away_keeps_nothing_for_a_rollout(monkeypatch, tmp_path):
    gone = ServerUnreachable("Nobody answers.")
    unfinished = Unfinished(gone, 3, 10, tmp_path)
    unfinished.__cause__ = gone
    with pytest.raises(ClientError, match=r"^Nobody answers\.$"):
        examined(monkeypatch, unfinished)
