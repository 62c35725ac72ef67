"""Results -> tables; the document has a place for them, and what is in it is of the results."""

import json

import pytest

from torture.catalogue import FAULTS
from torture.cli import DOCUMENT, RESULTS
from torture.errors import TortureError
from torture.report import faults_table, write_report, write_row

NAMES = [fault.name for fault in FAULTS]


def row(name: str, **changed: object) -> dict[str, object]:
    return {
        "schema": 1,
        "name": name,
        "done": "something | done",
        "quick": False,
        "skipped": None,
        "environment": {
            "date": "2026-11-20",
            "commit": "abc1234",
            "cores": 2,
            "threads": "1",
            "cpu": "a processor",
            "packages": {"torchserve": "0.12.0"},
        },
        "finding": {
            "saw": "3 x 200",
            "returned": "1.5 s",
            "lost": "nothing",
            "figures": {},
            "broken": [],
        },
        **changed,
    }


def test_a_row_for_each_result():
    lines = faults_table([row("one"), row("two")], ["one", "two", "three"]).splitlines()
    assert lines[2] == "| `one` | something / done | 3 x 200 | 1.5 s | nothing |"
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert "Not measured yet: three." in lines
    assert lines[-1] == (
        "Found with 2 cores of a processor, OMP_NUM_THREADS=1, torchserve 0.12.0: on 2026-11-20 "
        "at commit abc1234."
    )


def test_a_broken_promise_and_a_short_run_are_said():
    given = row("one", quick=True)
    given["finding"]["broken"] = ["Not so: nothing is lost."]
    table = faults_table([given], ["one"])
    assert "**Not so: nothing is lost.**" in table
    assert "abc1234, in its short form" in table


def test_what_was_not_tried_says_why():
    table = faults_table([row("one", skipped="only root may", finding=None)], ["one"])
    assert "| not tried: only root may |  |  |" in table


def test_results_are_kept_and_written(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text("before\n<!-- faults: begin -->\n<!-- faults: end -->\nafter\n")
    write_row(tmp_path / "results", "one", row("one"))
    assert write_report(tmp_path / "results", ["one"], document) == [document]
    text = document.read_text()
    assert text.startswith("before\n")
    assert "| `one` |" in text
    assert text.endswith("after\n")


@pytest.mark.parametrize(
    ("content", "said"), [("{", "no result"), ("{}", "no result"), ('{"schema": 0}', "again")]
)
def test_what_is_no_result_is_refused(tmp_path, content, said):
    (tmp_path / "one.json").write_text(content)
    with pytest.raises(TortureError, match=said):
        write_report(tmp_path, ["one"], tmp_path / "reliability.md")


def test_a_document_without_marks_is_refused(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text("nothing here\n")
    with pytest.raises(TortureError, match="faults: begin"):
        write_report(tmp_path, ["one"], document)


def test_the_document_says_what_the_results_say():
    text = DOCUMENT.read_text(encoding="utf-8")
    for mark in ("faults", "soak"):
        assert f"<!-- {mark}: begin -->" in text
    for name in NAMES:
        file = RESULTS / f"{name}.json"
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            assert faults_table([kept], [name]).splitlines()[2] in text


def test_every_result_is_of_a_fault_that_there_is():
    known = {f"{name}.json" for name in (*NAMES, "soak")}
    assert {file.name for file in RESULTS.glob("*.json")} <= known
