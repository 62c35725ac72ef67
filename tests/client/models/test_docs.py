"""What docs/versions.md says is true of the commands."""

import re

import pytest

from client.models.arguments import EPILOG, build_parser
from client.models.gates import Gates


@pytest.fixture(scope="module")
def document(pytestconfig) -> str:
    return (pytestconfig.rootpath / "docs" / "versions.md").read_text(encoding="utf-8")


def commands() -> dict:
    (actions,) = build_parser()._subparsers._group_actions
    return actions.choices


def test_every_command_is_listed(document):
    rows = re.findall(r"^\| (`[^|]+) \| [^|]+ \|$", document, re.MULTILINE)
    named = {word.split()[0] for row in rows for word in re.findall(r"`([a-z][a-z -]+)", row)}
    assert set(commands()) <= named


def test_every_option_that_is_named_exists(document):
    known = {
        option
        for command in commands().values()
        for action in command._actions
        for option in action.option_strings
    }
    of_others = {
        "--model-api", "--enable-model-api", "--version", "--export-path", "--force", "--model",
        "--models",
    }  # fmt: skip
    assert set(re.findall(r"(?<![-|])--[a-z][a-z-]+", document)) <= known | of_others


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("--min-agreement", Gates.min_agreement),
        ("--score", Gates.score),
        ("--max-slowdown", Gates.max_slowdown),
        ("--rounds", Gates.rounds),
        ("--drain-quiet", Gates.drain_quiet_s),
    ],
)
def test_defaults_are_those_of_the_code(option, default, document):
    assert re.search(rf"`{option}` \(?{default:g}\b", document)


def test_exit_codes_are_those_of_the_help(document):
    _, _, helped = EPILOG.partition("exit codes: ")
    _, _, listed = document.partition("| exit code | |\n")
    table = re.findall(r"^\| (\d+) \|", listed.partition("\n\n")[0], re.MULTILINE)
    assert table == re.findall(r"(?:^|; )(\d+) ", helped.replace("\n", " "))
