"""What docs/comparison.md says is true, and its examples work as they stand there."""

import json
import re
import shlex
import shutil
import textwrap

import pytest

from client.__main__ import main
from client.compare.bootstrap import RESAMPLES
from client.compare.cli import EPILOG, build_parser
from client.compare.command import GALLERY
from client.compare.conditions import QUANTITIES
from client.evaluate.judging import Settings
from client.models.arguments import build_parser as models_parser
from export.cli import build_parser as export_parser
from server.torchserve import TorchServe

PYTHON = ".venv/bin/python"


@pytest.fixture(scope="module")
def text(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "comparison.md").read_text(encoding="utf-8")


def example(text: str, name: str) -> str:
    (block,) = re.findall(rf"<!-- tested: {name} -->\n((?:    .*\n|\n)+)", text)
    return textwrap.dedent(block)


def words(command: str) -> list[str]:
    """What a shell makes of a command, without the Python that it begins with."""
    program, *found = shlex.split(command)
    assert program == PYTHON
    return found


def commands(text: str, name: str) -> list[list[str]]:
    """Those of an example, which begin with Python each."""
    joined = example(text, name).replace("\\\n", "").strip()
    return [words(one) for one in re.split(rf"\n(?={re.escape(PYTHON)} )", joined)]


def client(text: str, name: str) -> list[str]:
    ((module, command, *found),) = commands(text, name)
    assert (module, command) == ("-m", "client")
    return found


def test_the_examples(text, served: TorchServe, tmp_path, monkeypatch, capsys):
    assert text.count("<!-- tested: ") == 6
    # Where a server was started.
    monkeypatch.chdir(tmp_path)
    shutil.copy(served.work_dir / "key_file.json", tmp_path)
    shutil.copy(served.work_dir.parent / "config.properties", tmp_path)

    ((option, program),) = commands(text, "scenes")
    assert option == "-c"
    exec(program.replace(", 40,", ", 3,"), {})  # forty are more than a test needs
    assert main(client(text, "compare")) == 0
    assert capsys.readouterr().out.startswith("coins 2.0 beside 1.0, on 3 images of scenes.json")
    compared = tmp_path / "compared"
    assert {one.name for one in compared.iterdir()} == set(names(text, "## What is written"))

    assert main(client(text, "conditions")) == 3  # from the answers that are there
    assert "FAILS  ap_drop>0.01" in capsys.readouterr().out
    documented(text, json.loads((compared / "report.json").read_text()))
    exec(example(text, "python"), {})
    numbers = [float(one) for one in capsys.readouterr().out.split()]
    assert len(numbers) == 4
    assert numbers[1] <= numbers[0] <= numbers[2]

    assert main(client(text, "bare")) == 0
    assert "on 3 images\n" in capsys.readouterr().out


def test_the_second_version_is_made_and_registered_by_commands_that_exist(text):
    exported, registered = commands(text, "second")
    assert exported[:2] == ["-m", "export"]
    arguments = export_parser().parse_args(exported[2:])
    assert registered[:3] == ["-m", "client", "models"]
    archive = models_parser().parse_args(registered[3:]).archive
    assert (arguments.version, f"{arguments.model_name}.mar") == ("2.0", archive.name)


def documented(text: str, report: dict) -> None:
    """Every key of a report is described, and nothing else."""
    described = section(text, "## report.json")
    assert list(report) == names(text, "## report.json")
    rows = dict(re.findall(r"^\| `([\w`, ]+)` \|(.*)$", described, re.MULTILINE))

    def named(key: str) -> set[str]:
        return set(re.findall(r"`(\w+)`", rows[key]))

    for key in ("annotations", "settings"):
        assert named(key) == set(report[key]), key
    assert named("model") == {"name", "old", "new"} == set(report["model"])
    assert named("conditions") == set(report["conditions"][0])
    total = report["total"]
    shapes = {"box", "rotated_box", "mask", "keypoints"}
    assert set(total["overlap"]) <= shapes
    spreads = {*total["overlap"]["box"], *total["score_shift"]}
    assert named("total") == {*total, *spreads, *shapes}
    assert set(report["classes"][0]) == {*total, "kind", "name"}
    assert named("changes") == set(report["changes"])
    assert named("ap") >= set(report["ap"]["bbox"]["AP"])
    assert named("class_ap") == set(report["class_ap"][0])
    assert named("speed") >= set(report["speed"]["client"])
    assert named("images") == set(report["images"][0])
    assert set(report["values"]) == set(QUANTITIES)


def section(text: str, heading: str) -> str:
    found = text.partition(f"\n{heading}\n")[2]
    assert found, heading
    return re.split(r"^## ", found, flags=re.MULTILINE)[0]


def names(text: str, heading: str) -> list[str]:
    rows = re.findall(r"^\| (`.*?) \|", section(text, heading), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


def test_every_name_of_a_condition_is_described(text):
    assert sorted(names(text, "## Conditions")) == sorted(QUANTITIES)
    assert all(name in EPILOG for name in QUANTITIES)


def test_exit_codes_are_those_of_the_help(text):
    codes = re.findall(r"\| ([\d, ]+) \|$", section(text, "## What can be wrong"), re.MULTILINE)
    listed = {code for row in codes for code in row.split(", ")}
    helped = EPILOG.partition("exit codes: ")[2].replace("\n", " ")
    assert listed == set(re.findall(r"(?:^|[;,] )(?:Ctrl-C, )?(\d+) ", helped))


def test_options_that_are_named_exist_and_defaults_are_those_of_the_code(text):
    known = set(build_parser()._option_string_actions)
    named = set(re.findall(r"`(--[a-z-]+)", text))
    assert len(named) > 10
    assert named - known == {"--min-agreement"}  # of a rollout
    assert f"`--resamples` times ({RESAMPLES:,})" in text
    assert f"`--iou` ({Settings.iou:g})" in text
    assert f"`--score` ({Settings.score:g})" in text
    assert f"the page has ({GALLERY})" in text


def test_no_line_is_too_long(text):
    assert [line for line in text.splitlines() if len(line) > 112 and line[0] != "|"] == []
