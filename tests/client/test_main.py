"""What `python -m client --help` shows."""

import re
import shlex
import subprocess
import sys

import pytest

from client import ready
from client.__main__ import _COMMANDS, EPILOG, main
from client.compare import cli as compare
from client.evaluate import cli as evaluate
from client.models import arguments as models
from client.predict import cli as predict

PARSERS = {
    "compare": compare.build_parser,
    "evaluate": evaluate.build_parser,
    "models": models.build_parser,
    "predict": predict.build_parser,
    "ready": ready.build_parser,
}
EXAMPLES = re.findall(r"^  python -m client ([a-z].*)$", EPILOG, re.MULTILINE)


def test_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert [name for name in _COMMANDS if not re.search(rf"^    {name} +\w", said, re.M)] == []


def test_every_command_has_an_example():
    assert {example.split()[0] for example in EXAMPLES} == set(_COMMANDS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_one_that_its_command_takes(example):
    command, *words = shlex.split(example)
    PARSERS[command]().parse_args(words)


@pytest.mark.parametrize("command", ["ready", "models list", "predict x --output y"])
def test_a_python_without_the_packages_is_a_sentence(command, pytestconfig):
    """As the machine's own, outside of the virtual environment; -S leaves out what is installed."""
    ended = subprocess.run(
        [sys.executable, "-S", "-m", "client", *command.split()],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.match(rf"{re.escape(sys.executable)} has no package [a-z-]+, which", ended.stderr)
    assert ". .venv/bin/activate" in ended.stderr
    assert "Traceback" not in ended.stderr
