import json
import os
import re
import subprocess
import sys

import psutil
import pytest

from benchmarks.cli import build_parser, main
from benchmarks.options import ARMS, MODELS, options_for


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {arm} " in text for arm in ARMS)
    assert "python -m benchmarks --quick" in text


def test_the_readme_names_every_arm_and_model(pytestconfig):
    readme = (pytestconfig.rootpath / "benchmarks" / "README.md").read_text(encoding="utf-8")
    arms, _, models = readme.partition("**Models.**")
    assert re.findall(r"^\| (\w+) \|", arms, re.MULTILINE)[1:] == list(ARMS)
    assert re.findall(r"^\| `(\w+)` \|", models, re.MULTILINE) == list(MODELS)


@pytest.mark.parametrize(
    "words",
    [
        ["--rounds", "0"],
        ["--arms", "B7"],
        ["--model", "yolo"],
        ["--output", "x.json"],  # of which model?
    ],
)
def test_usage_errors(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_b1_is_always_measured():
    given = build_parser().parse_args(["--arms", "S", "H"])
    options = options_for("coins", gpu=False, quick=True, arms=given.arms)
    assert options.arms == ("B1", "H", "S")


@pytest.mark.parametrize(
    ("model", "gpu", "precisions", "some", "none"),
    [
        ("coins", False, ("exact",), {"N1", "N2", "T"}, set()),
        ("r50", False, ("exact", "fast", "bf16"), {"N1", "T", "H"}, {"N2"}),
        ("wide", False, ("exact", "fast", "bf16"), {"B0", "S1"}, {"H", "N1", "N2", "T"}),
        ("r50", True, ("exact", "fp16", "bf16"), {"N1", "N2"}, set()),
    ],
)
def test_each_model_has_its_arms_and_precisions(model, gpu, precisions, some, none):
    options = options_for(model, gpu=gpu, quick=False)
    assert options.precisions == precisions
    assert some <= {*options.arms}
    assert not none & {*options.arms}


def test_what_is_given_wins():
    options = options_for(
        "wide", gpu=False, quick=True, arms=["N1"], precisions=["exact"], rounds=3, requests=7
    )
    assert options.arms == ("B1", "N1")
    assert (options.precisions, options.rounds, options.requests) == (("exact",), 3, 7)


@pytest.mark.parametrize(("workers", "threads", "each"), [(2, 2, 1), (1, 2, 2), (4, 2, 1)])
def test_workers_share_the_threads(workers, threads, each):
    options = options_for("r50", gpu=False, quick=False, workers=workers, threads=threads)
    assert options.worker_threads == each


def started_with(mark: str) -> list[psutil.Process]:
    """Processes that have this in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("BENCHMARK_TEST") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_everything_runs_and_nothing_is_left(pytestconfig, tmp_path):
    """The smallest run: some arms, two requests each. What it measures says nothing."""
    output = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--model", "coins"]
    command += ["--arms", "B1xP", "B2", "H", "S1", "T", "--rounds", "1", "--requests", "2"]
    finished = subprocess.run(
        [*command, "--threads", "1", "--output", str(output)],
        cwd=pytestconfig.rootpath,
        env={**os.environ, "BENCHMARK_TEST": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "null test" in finished.stdout
    assert started_with(str(tmp_path)) == []
    result = json.loads(output.read_text())
    assert result["left_out"] == {}
    (turns,) = result["rounds"]
    assert list(turns) == [
        *("B1", "B2", "H", "B1 again", "B1xP", "B1xP forward", "S1", "T work", "S1 busy", "T")
    ]
    assert all(turn["failures"] == 0 and len(turn["indices"]) == 2 for turn in turns.values())
    checked = result["checked"]
    assert checked.pop("T") == checked.pop("T work") == {"reasons": []}
    assert all(found["answers"] == found["identical"] > 0 for found in checked.values())
    assert turns["S1"]["stages_ms"].keys() == turns["H"]["stages_ms"].keys()
    stages_ms = turns["T work"]["stages_ms"]
    assert stages_ms.keys() == {"model", "host"}
    assert all(milliseconds > 0.5 for row in stages_ms.values() for milliseconds in row)
