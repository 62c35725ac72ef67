"""What docs/evaluation.md says is true, and its examples work as they stand there."""

import json
import re
import shlex
import shutil
import textwrap

import pytest

from client.__main__ import main
from client.evaluate.cli import build_parser
from server.torchserve import TorchServe

PYTHON = ".venv/bin/python"


@pytest.fixture(scope="module")
def text(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "evaluation.md").read_text(encoding="utf-8")


def example(text: str, name: str) -> str:
    (block,) = re.findall(rf"<!-- tested: {name} -->\n((?:    .*\n|\n)+)", text)
    return textwrap.dedent(block)


def words(text: str, name: str) -> list[str]:
    """What a shell makes of an example, without the Python that it begins with."""
    program, *found = shlex.split(example(text, name).replace("\\\n", ""))
    assert program == PYTHON
    return found


def client(text: str, name: str) -> list[str]:
    module, command, *found = words(text, name)
    assert (module, command) == ("-m", "client")
    return found


def test_the_examples(text, served: TorchServe, tmp_path, monkeypatch, capsys):
    assert text.count("<!-- tested: ") == 4
    # Where a server was started.
    monkeypatch.chdir(tmp_path)
    shutil.copy(served.work_dir / "key_file.json", tmp_path)
    shutil.copy(served.work_dir.parent / "config.properties", tmp_path)

    option, program = words(text, "scenes")
    assert option == "-c"
    exec(program.replace(", 40,", ", 4,"), {})  # forty are more than a test needs
    assert main(client(text, "evaluate")) == 0
    assert capsys.readouterr().out.startswith("coins 1.0 on scenes.json: 4 of 4 images")
    judged = tmp_path / "judged"
    assert {one.name for one in judged.iterdir()} == set(names(text, "## What is written"))
    documented(text, json.loads((judged / "report.json").read_text()))

    assert main(client(text, "again")) == 0
    assert "detections of score 0.9 or more" in capsys.readouterr().out
    exec(example(text, "python"), {})
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"coin \d+\.\d+ 0\.\d+", line)


def documented(text: str, report: dict) -> None:
    """Every key of a report is described, and nothing else."""
    described = section(text, "## report.json")
    assert list(report) == names(text, "## report.json")
    rows = dict(re.findall(r"^\| `([\w`, ]+)` \|(.*)$", described, re.MULTILINE))
    for key in ("model", "annotations", "settings", "confusion"):
        assert set(re.findall(r"`(\w+)`", rows[key])) == set(report[key]), key
    best = report["total"]["best_threshold"]
    assert set(re.findall(r"`(\w+)`", rows["total"])) == {*report["total"], *best}
    assert set(report["classes"][0]) == {*report["total"], "id", "name", "ap"}
    assert set(re.findall(r"`(\w+)`", rows["images"])) == set(report["images"][0])
    curves = report["curves"]
    described_curves = set(re.findall(r"`(\w+)`", rows["curves"])) - {"keypoints"}  # no such head
    assert described_curves == {*curves, *curves["bbox"][0]}
    for times in report["times_s"].values():
        assert set(re.findall(r"`(\w+)`", rows["times_s"])) == {"client", *times}


def section(text: str, heading: str) -> str:
    found = text.partition(f"\n{heading}\n")[2]
    assert found, heading
    return re.split(r"^## ", found, flags=re.MULTILINE)[0]


def names(text: str, heading: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section(text, heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


def test_every_option_that_is_named_exists(text):
    known = set(build_parser()._option_string_actions)
    named = set(re.findall(r"`(--[a-z-]+)", text))
    assert len(named) > 10
    assert named - known == {"--score-threshold"}  # the export's


def test_no_line_is_too_long(text):
    assert [line for line in text.splitlines() if len(line) > 112 and line[0] != "|"] == []
