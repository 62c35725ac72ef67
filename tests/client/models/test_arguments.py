"""Which command lines `python -m client models` takes."""

import subprocess
import sys

import pytest

from client.models.arguments import build_parser
from client.models.cli import main

COMMANDS = (
    "list", "show", "register", "scale", "set-default", "unregister", "rollout", "rollback",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--fail-if", "slowdown>2"], "--fail-if is about --images", id="no images"),
        pytest.param(["--annotations", "a.json"], "--annotations is about --images", id="of what"),
        pytest.param(["--report", "out"], "--report is about --images", id="a report of nothing"),
        pytest.param(
            ["--images", "val", "--fail-if", "ap_drop>0.01"], "AP takes annotations", id="no AP"
        ),
        pytest.param(
            ["--images", "a", "b", "--annotations", "a.json"], "the one folder", id="two folders"
        ),
        pytest.param(["--images", "val", "--fail-if", "ap>0"], "names ap, which is", id="no name"),
    ],
)
def test_conditions_that_cannot_be_are_wrong_usage(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rollout", "new.mar", *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no command"),
        pytest.param(["frobnicate"], id="unknown command"),
        pytest.param(["rollout"], id="no archive"),
        pytest.param(["rollout", "x.mar", "--min-agreement", "2"], id="share above 1"),
        pytest.param(["rollout", "x.mar", "--max-slowdown", "0"], id="no slowdown at all"),
        pytest.param(["rollback", "coins", "--drain-quiet", "-1"], id="quiet in the past"),
        pytest.param(["scale", "coins", "--workers", "0"], id="no workers"),
        pytest.param(["rollout", "x.mar", "--load-timeout", "inf"], id="a wait without an end"),
        pytest.param(["unregister", "a", "1", "--drain-timeout", "0"], id="no wait at all"),
    ],
)
def test_usage_errors(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name, capsys):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([name, "--help"])
    assert caught.value.code == 0
    assert "--key-folder" in capsys.readouterr().out


def test_runs_as_a_module(pytestconfig):
    result = subprocess.run(
        [sys.executable, "-m", "client", "models", "--help"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rollout build/pets.mar" in result.stdout
