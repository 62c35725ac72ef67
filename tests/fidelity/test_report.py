"""Rows as tables, and where they are put."""

import json
from pathlib import Path

import pytest

from fidelity.batches import BatchRow
from fidelity.check import Row
from fidelity.cli import DOCUMENT, RESULTS
from fidelity.deviation import Deviation
from fidelity.report import NoPlace, batches_table, put_between_marks, zoo_table
from fidelity.runs import batches_run, zoo_run

STATE = {
    "versions": {"torch": "2.14.1", "numpy": "2.4.6"},
    "threads": 2,
    "scale": {"min_size": 256, "proposals": 100},
    "code": "0123456789abcdef",
}
RUNS = {"zoo": zoo_run, "batches": batches_run}
TABLES = {"zoo": zoo_table, "batches": batches_table}


def test_the_table_of_the_zoo():
    compared = {"instances": 7, "classes": 3, "panoptic segments": 5}
    rows = [
        Row("A/one.yaml", "exact", "", "boxes", "DefaultPredictor", compared),
        Row("A/two.yaml", "differs", "sem_seg", "semantic", "it", {"semantic classes": 4}, 0.5, 12),
        Row("B/three.py", "failed", "ImportError: a | b"),
    ]
    text = zoo_table([row.as_dict() for row in rows], STATE)
    summary, _, *table = text.splitlines()
    assert "3 configs: 1 exact, 1 differs, 1 failed" in summary
    assert "7 instances, 5 panoptic segments, 4 semantic classes" in summary
    assert "torch 2.14.1" in summary
    assert "0123456789abcdef" in summary
    assert table[2:] == [
        "| A/one.yaml | DefaultPredictor | boxes | 7 instances of 3 classes, 5 panoptic segments "
        "| 0 | 0 | exact |",
        "| A/two.yaml | it | semantic | 4 semantic classes | 0.5 | 12 | differs: sem_seg |",
        "| B/three.py |  |  |  |  |  | failed: ImportError: a / b |",
    ]


def test_the_table_of_batches():
    rows = [
        BatchRow("A/one.yaml", "equal", 2, (2, 2), 0, Deviation(1, 9, 1, 1e-5, 2e-7, 40, 3)),
        BatchRow("A/one.yaml", "mixed", 8, (2, 1, 1), 1, Deviation(0, 9)),
        BatchRow("A/two.yaml", "", 0, failure="failed: it"),
    ]
    text = batches_table([row.as_dict() for row in rows], STATE)
    summary, _, *table = text.splitlines()
    assert "1e-05 px of a box, 2e-07 of a score, 3 mask pixels of 40; 1 boxes" in summary
    assert "unequal padded shapes: 1." in summary
    assert table[2:] == [
        "| A/one.yaml | equal | 2 | 2 of 2 | 1 of 8 | 9 | 1 | 1e-05 | 2e-07 | 3 of 40 |",
        "| A/one.yaml | mixed | 8 | 1 passes with images of unequal padded shapes | 0 of 8 | 9 | 0 "
        "| 0 | 0 | 0 of 0 |",
        "| A/two.yaml |  | 0 | failed: it | 0 of 8 | 0 | 0 | 0 | 0 | 0 of 0 |",
    ]


def test_what_people_wrote_stays(tmp_path: Path):
    document = tmp_path / "d.md"
    document.write_text("# One\n<!-- a: begin -->\nold\n<!-- a: end -->\ntwo\n<!-- b: begin -->\n")
    put_between_marks(document, "a", "new \\1 table")
    first = document.read_text()
    assert first == (
        "# One\n<!-- a: begin -->\n\nnew \\1 table\n\n<!-- a: end -->\ntwo\n<!-- b: begin -->\n"
    )
    put_between_marks(document, "a", "new \\1 table")
    assert document.read_text() == first
    with pytest.raises(NoPlace, match="no marks <!-- b: begin"):
        put_between_marks(document, "b", "table")


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_the_table_of_the_kept_rows(name):
    kept = RESULTS / f"{name}.jsonl"
    lines = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    every = RUNS[name]((), folder=RESULTS).listed(fresh=False)
    is_complete = {config for config, _ in every} == {line["config"] for line in lines}
    if not is_complete or any(line["state"] != lines[0]["state"] for line in lines):
        pytest.skip(f"python -m fidelity {name} has not been run to its end")
    rows = [row for line in lines for row in line["rows"]]
    assert not [row["problem"] for row in rows if row["problem"]]
    assert TABLES[name](rows, lines[0]["state"]) in DOCUMENT.read_text()
