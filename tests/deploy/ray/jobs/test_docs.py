"""docs/ray-jobs.md: its examples are run, and its tables are those of the code."""

import argparse
import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from deploy.ray.jobs.cli import build_parser
from deploy.ray.jobs.finishing import Totals
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.record import Asked, Run
from deploy.ray.jobs.rows import Answered, result_schema, unread_schema
from deploy.ray.jobs.storage import Storage
from deploy.ray.jobs.summary import summary_document
from handler.formats.native import encode_native
from tests.handler.formats.answers import instances


@pytest.fixture(scope="module")
def text(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "ray-jobs.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody stands who reads the tables of a job that has ended."""
    place = tmp_path_factory.mktemp("typed")
    parts = Parts(Storage(str(place / "found")), int, "t0")
    for number, count in enumerate((2, 0, 3)):
        document = json.loads(encode_native(instances(count, masks=True)))
        parts.commit(number, [Answered(number, Listed(number, "/a", "a"), document)], [])
    return place


def table(text: str, heading: str) -> list[str]:
    """What stands in code in the first column of the tables below a heading."""
    part = re.split(r"^#+ ", text.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| ([^|]+)", part, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_commands_are_accepted(text):
    commands = re.findall(r"^ +python -m deploy\.ray predict (.*)$", text.replace("\\\n", ""), re.M)
    assert len(commands) == 2
    for command in commands:
        build_parser().parse_args(shlex.split(command))


def test_arguments_are_those_of_the_command(text):
    options = {
        option
        for action in build_parser()._actions
        if not isinstance(action, argparse._HelpAction)
        for option in action.option_strings
    }
    assert Counter(table(text, "All arguments")) >= Counter(options)
    assert {name for name in re.findall(r"`(--[a-z-]+)", text) if name != "--head"} <= options


def test_columns_are_those_of_the_tables(text):
    schema = result_schema(int)
    instance = schema.field("instances").type.value_type
    named = [*schema.names, *(instance.field(i).name for i in range(instance.num_fields))]
    assert table(text, "The table of results") == named
    unread = table(text, "Images without an answer")[: len(unread_schema(int))]
    assert unread == unread_schema(int).names


def test_keys_are_those_of_the_summary(text):
    run = Run(
        Asked({"model": "m", "version": "1", "sha256": ""}, {}, {}, 1, False), "", 1, 1, False
    )
    document = summary_document(
        run, Totals(), asked=1, seconds=1, workers=1, memory_mb={}, notes=(), folder="/"
    )
    assert table(text, "The summary") == list(document)


EXPECTED = [
    pytest.param("pandas", r"cat +2 .*\n.*dög +2 ", id="pandas"),
    pytest.param("mask", r"^\d+\n$", id="a mask"),
]


@pytest.mark.parametrize(("name", "printed"), EXPECTED)
def test_examples_run(text, folder, name, printed):
    (block,) = re.findall(rf"<!-- tested: {name} -->\n((?:    .*\n|\n)+)", text)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(block)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(printed, done.stdout), done.stdout


def test_every_example_is_run_here(text):
    assert text.count("<!-- tested: ") == len(EXPECTED)


def test_memory_is_what_was_measured(text, pytestconfig):
    file = pytestconfig.rootpath / "deploy" / "ray" / "results" / "jobs.json"
    for run in json.loads(file.read_text(encoding="utf-8"))["runs"]:
        counts = f"{run['images']:,} | {run['detections']:,}"
        assert f"| {counts} | {run['driver_peak_mb']:.0f} | {run['worker_peak_mb']:.0f} |" in text
