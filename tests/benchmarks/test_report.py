import json
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.options import MODELS
from benchmarks.report import failures, summary, write_report
from benchmarks.sections import markdown
from tests.benchmarks.results import result


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "performance.md"
    file.write_text(
        "# By hand\n<!-- cpu-coins: begin -->\nold\n<!-- cpu-coins: end -->\nand after\n"
        "<!-- goals: begin -->\n<!-- goals: end -->\n"
    )
    return file


def written(folder: Path, name: str = "cpu-coins", **changed: object) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({**result(), **changed}))
    return file


def test_tables_and_picture_are_written(document, tmp_path):
    assert write_report([written(tmp_path)], document) == [document, tmp_path / "performance.png"]
    text = document.read_text()
    assert text.startswith("# By hand\n<!-- cpu-coins: begin -->\n")
    assert "<!-- cpu-coins: end -->\nand after\n<!-- goals: begin -->\n\n| what |" in text
    assert "old" not in text
    assert (tmp_path / "performance.png").read_bytes().startswith(b"\x89PNG")


def test_what_the_tables_say():
    text = markdown(result())
    for line in (
        "| S, kept busy / B1 | 2 | 2 to 2 |",
        "| answer of S / of N1 | 1/133 |",
        "| T work, beyond its work | 4 ms | 4 to 4 ms |",
        "| S1 beyond the handler's stages, less T work's | 6 ms | 6 to 6 ms |",
        "| 1.2: 400 x 300, 10 coins | 1 | 60 | 1200 | 42 | 20 | 20 to 20 |",
        "| archive of S / of N1 | 0.50 |",
        "| start to READY, S / N1 | 0.50, 0.50 (S: 4.0, 6.0 s; N1: 8.0, 12.0 s) |",
        "| 2 | 2.00 | 50 | 50 |",
        "answers came at 0.95 of the rate",
        "Left out: N2: it is not there.",
    ):
        assert line in text


def test_every_row_has_as_many_cells_as_its_head():
    for block in markdown(result()).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_a_result_of_b1_alone_is_reported():
    given = result()
    given["rounds"] = [{n: one[n] for n in ("B1", "B1 again")} for one in given["rounds"]]
    given |= {"open_loop": {}, "concurrency": [], "memory_mb": {}, "idle_cpu": {}, "starts": {}}
    given["checked"] = {name: given["checked"][name] for name in ("B1", "B1 again")}
    given["series"] = {name: given["series"][name] for name in ("B1", "B1 again")}
    assert "null test: B1 / B1" in markdown(given)
    assert "null test: B1 / B1" in summary(given)


def test_a_faster_precision_says_what_it_does_to_answers():
    given = result()
    assert "missed above 0.5" not in markdown(given)
    given["options"]["precisions"] = ["exact", "bf16"]
    given["checked"]["S bf16"] = given["checked"]["S"] | {
        **{"median_mask_iou": 0.9951, "least_mask_iou": 0.91, "missed_confident": 2},
        **{"largest_score": 0.01, "largest_box_px": 1.5},
    }
    assert "| S bf16 | 13 | 12 | 0.9951 | 0.9100 | 2 | 0.01 | 1.5 |" in markdown(given)


def test_where_nothing_was_paired_no_overlap_is_said():
    given = result()
    given["options"]["precisions"] = ["exact", "bf16"]
    given["checked"]["S bf16"] = given["checked"]["S"] | {
        **{"median_mask_iou": None, "least_mask_iou": None, "found": 0},
    }
    assert "| S bf16 | 13 | 0 | not measured | not measured |" in markdown(given)


def test_rows_say_what_was_compared():
    given = result()
    for one in given["rounds"]:
        one["B1xP"] = one["B1"]
    given["series"]["B1xP"] = {"arm": "B1xP", "concurrency": 4}
    nothing = {"least_mask_iou": None, "median_mask_iou": None, "compares_masks": False}
    given["checked"]["B1xP"] = given["checked"]["S"] | nothing
    text = markdown(given)
    row = "| B1xP: boxes, scores and classes alone | 6 | 0 | 2 of 2 | 0 | 0 | not compared | 0 |"
    assert row in text
    assert "| S | 6 | 0 | 2 of 2 | 0 | 0 | 1.0000 | 0 |" in text


def test_answers_of_t_are_in_no_row():
    text = markdown(result())
    assert "\n| T |" not in text
    assert "T work: 6 answers, 0 failures; T: 6 answers, 0 failures." in text


def test_a_null_test_that_fails_is_said():
    given = result()
    for one in given["rounds"]:
        one["B1 again"]["seconds"] *= 2
    assert "was not quiet" in markdown(given)
    assert "was not quiet" not in markdown(result())


def test_failures_are_said():
    assert failures(result()) == []
    given = result()
    given["rounds"][0]["S"] |= {"failures": 1, "problems": ["status 503"]}
    assert failures(given) == ["S: 1 of 6 answers missing or wrong, such as: status 503"]
    assert "status 503" in summary(given)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no result"),
        ("{}", "no result"),
        ('{"schema": 0}', "measure again"),
    ],
)
def test_what_is_no_result_is_refused(document, tmp_path, content, said):
    file = tmp_path / "cpu-coins.json"
    file.write_text(content)
    with pytest.raises(BenchmarkError, match=said):
        write_report([file], document)


def test_a_result_without_marks_is_refused(document, tmp_path):
    with pytest.raises(BenchmarkError, match="gpu-r50: begin"):
        write_report([written(tmp_path, "gpu-r50")], document)


def test_the_document_has_marks_for_what_make_bench_writes(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "performance.md").read_text(encoding="utf-8")
    models = [f"{device}-{model}" for device in ("cpu", "gpu") for model in MODELS]
    for name in [*models, "goals"]:
        assert f"<!-- {name}: begin -->" in text
        assert f"<!-- {name}: end -->" in text
