"""The command line: what it prints, what it returns, what it leaves alone."""

import logging
import warnings

import pytest

from fidelity import cli, runs
from fidelity.cli import build_parser, main


class Stand:
    """Stands for a run."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.written = []

    def listed(self, *, fresh):
        return [("A/one.yaml", "has a row")]

    def go(self, *, fresh):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def write(self, document):
        self.written.append(document)


@pytest.fixture(autouse=True)
def _loud_again():
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def stand(monkeypatch):
    def make(outcome):
        made = Stand(outcome)
        monkeypatch.setattr(runs, "zoo_run", lambda only, folder: made)
        return made

    return make


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        ([], 0, "docs/fidelity.md is written"),
        ([("A/one.yaml", "differs: sem_seg")], 1, "A/one.yaml: differs: sem_seg"),
        (KeyboardInterrupt(), 130, "the same command goes on"),
        (runs.CodeChanged("A/one.yaml"), 1, "changed while A/one.yaml ran"),
    ],
    ids=["all exact", "one differs", "Ctrl-C", "code edited meanwhile"],
)
def test_exit_codes(outcome, code, said, stand, capsys):
    made = stand(outcome)
    with warnings.catch_warnings():
        assert main(["zoo"]) == code
    output = capsys.readouterr()
    assert said in output.out + output.err
    assert made.written == ([cli.DOCUMENT] if isinstance(outcome, list) else [])


def test_a_part_of_the_zoo_leaves_the_document_alone(stand):
    made = stand([])
    with warnings.catch_warnings():
        assert main(["zoo", "--only", "fcos"]) == 0
    assert made.written == []


def test_list_runs_nothing(stand, capsys):
    stand(AssertionError("it ran"))
    with warnings.catch_warnings():
        assert main(["zoo", "--list"]) == 0
    assert capsys.readouterr().out == "A/one.yaml\thas a row\n"


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["zoo", "--help"])
    text = capsys.readouterr().out
    assert "python -m fidelity zoo --only retinanet" in text
    assert "Ctrl-C" in text
