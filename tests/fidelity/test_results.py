"""Rows that are kept, and when they count."""

import pytest

from fidelity import results
from fidelity.results import Results, state_of_things
from fidelity.zoo import FULL, Scale

STATE = {"code": "abc", "versions": {"torch": "1"}}


def test_rows_are_there_for_the_next_run(tmp_path):
    Results(tmp_path / "new" / "zoo.jsonl", STATE).keep("b", [{"config": "b"}])
    again = Results(tmp_path / "new" / "zoo.jsonl", STATE)
    again.keep("a", [{"config": "a"}])
    assert again.rows("b") == [{"config": "b"}]
    assert again.rows("c") is None
    lines = (tmp_path / "new" / "zoo.jsonl").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ['{"config": "a"', '{"config": "b"']
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["zoo.jsonl"]


def test_rows_of_another_state_do_not_count(tmp_path):
    Results(tmp_path / "zoo.jsonl", STATE).keep("a", [{"config": "a"}])
    later = Results(tmp_path / "zoo.jsonl", {**STATE, "versions": {"torch": "2"}})
    assert later.rows("a") is None
    assert later.is_stale("a")
    assert not later.is_stale("b")


def test_the_state_says_packages_scale_and_code():
    state = state_of_things(FULL)
    assert {"torch", "torchvision", "numpy", "pillow"} < state["versions"].keys()
    assert any("detectron2" in name for name in state["versions"])
    assert state == state_of_things(FULL)
    assert state != state_of_things(Scale(min_size=64, proposals=100))


@pytest.mark.parametrize(
    ("edited", "is_other"),
    [
        ('"""Other words."""\n\n\ndef one():\n    # why\n    return 1\n', False),
        ('def one():\n    """What it gives."""\n    return 1\n', False),
        ("def one():\n    return 2\n", True),
    ],
    ids=["comments", "a docstring", "code"],
)
def test_only_code_makes_other_code(edited, is_other, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_CHECKOUT", tmp_path)
    file = tmp_path / "handler" / "one.py"
    file.parent.mkdir()
    file.write_text('"""Words."""\n\n\ndef one():\n    return 1\n')
    before = state_of_things(FULL)
    file.write_text(edited)
    assert (state_of_things(FULL) != before) == is_other
