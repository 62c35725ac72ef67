"""What the README says is true of the tree."""

import re
import shlex
from pathlib import Path

import pytest

from client.compare import cli as compare
from client.evaluate import cli as evaluate
from client.predict import cli as predict
from export.cli import build_parser
from handler import errors


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def test_leads_with_the_two_commands(readme):
    commands = [line.split("#")[0].strip() for line in readme.splitlines() if line[:4] == "    "]
    assert commands[:2] == ["make demo", "make test"]


def test_ci_runs_the_test_command(root):
    assert (root / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"


def test_every_make_target_exists(readme, root):
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^ +make ([a-z]+)|`make ([a-z]+)`", readme, re.MULTILINE))
    assert {a or b for a, b in named} <= targets


def test_the_export_command_is_one_that_export_takes(readme):
    (command,) = re.findall(r"python -m export (--config-file.*?[^\\])\n", readme, re.DOTALL)
    arguments = build_parser().parse_args(shlex.split(command.replace("\\\n", " ")))
    assert arguments.model_name == "pets"


def test_the_commands_that_judge_name_a_model_and_are_taken(readme):
    """`make serve` serves the coins model beside one's own, and then nothing is the only model."""
    parsers = {"predict": predict, "evaluate": evaluate, "compare": compare}
    commands = re.findall(r"^    python -m client (\w+) (.*)$", readme, re.MULTILINE)
    assert [name for name, _ in commands] == list(parsers)
    for name, words in commands:
        assert parsers[name].build_parser().parse_args(shlex.split(words)).model == "pets"


def test_every_error_is_listed_with_its_status(readme):
    listed = dict(
        reversed(row) for row in re.findall(r"^\| (\d+) \| `(\w+)` \|", readme, re.MULTILINE)
    )
    existing = {
        error.__name__: str(error.status)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.HandlerError)
    }
    del existing["HandlerError"]  # a base that is never answered itself
    assert listed == existing
