"""What is said of rollouts under load, and which figures are a promise that was not kept."""

from types import SimpleNamespace

import pytest

from torture.faults import rollouts

KEPT = {
    "requests": 1257,
    "lost": 0,
    "wrong": 0,
    "undrained": 0,
    "versions_differ": True,
    "latency_longest_s": 9.153,
    "change_median_s": 11.03,
    "by_name": {"answers": {"200": 90, "404 Gone": 7}, "lost": 0, "wrong": 0},
}
BY_NAME = KEPT["by_name"]


@pytest.fixture
def place(tmp_path):
    return SimpleNamespace(
        folder=tmp_path,
        archive=tmp_path / "coins.mar",
        close=lambda: None,
        pick=lambda _, full: full,
    )


@pytest.mark.parametrize(
    ("figures", "broken"),
    [
        pytest.param({}, (), id="all is kept"),
        pytest.param({"lost": 2}, ("Not so: no request is lost.",), id="lost"),
        pytest.param({"wrong": 1}, ("Not so: no answer is wrong.",), id="wrong"),
        pytest.param(
            {"by_name": {**BY_NAME, "wrong": 1}},
            ("Not so: no answer is wrong.",),
            id="wrong by name",
        ),
        pytest.param(
            {"by_name": {**BY_NAME, "lost": 3}},
            (),
            id="lost by name, which is told and not promised",
        ),
        pytest.param({"undrained": 1}, ("Not so: every old version is drained.",), id="undrained"),
        pytest.param(
            {"versions_differ": False},
            ("Not so: the versions say different things.",),
            id="an answer would not tell which version gave it",
        ),
    ],
)
def test_every_promise_is_looked_at(figures, broken, place, monkeypatch):
    monkeypatch.setattr(rollouts.versions, "run", lambda **arguments: {**KEPT, **figures})
    finding = rollouts.many(place)
    assert finding.broken == broken
    assert finding.figures == {**KEPT, **figures}
    lost = figures.get("lost", 0)
    assert finding.saw.startswith(f"{1257 - lost} x 200, ")
    assert finding.saw.endswith("served or not: 90 x 200, 7 x 404 Gone")
    by_name = finding.figures["by_name"]["lost"]
    assert finding.lost == (
        f"{lost or 'nothing'}; of those who named a version {by_name or 'nothing'}"
    )
