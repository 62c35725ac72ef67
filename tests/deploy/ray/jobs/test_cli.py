import re
import shlex

import pytest

from deploy.ray.jobs.cli import EPILOG, build_parser, main

REQUIRED = ["in", "--archive", "a.mar", "--output", "out"]

ACCEPTED = [
    pytest.param(["--workers", "3"], {"workers": (3, 3)}, id="workers"),
    pytest.param(["--workers", "2:16"], {"workers": (2, 16)}, id="a range of workers"),
    pytest.param(["--num-gpus", "0.5"], {"num_gpus": 0.5}, id="half a GPU"),
    pytest.param(["--num-gpus", "2"], {"num_gpus": 2.0}, id="two GPUs"),
    pytest.param(["--classes", "a, 3"], {"classes": ["a", "3"]}, id="classes"),
    pytest.param(["--classes", '["a,b", 3]'], {"classes": ["a,b", 3]}, id="classes as JSON"),
    pytest.param(["--confidence-threshold", ".5"], {"score_threshold": 0.5}, id="demo.py's name"),
    pytest.param([], {"batch": 1, "workers": None, "num_gpus": None}, id="defaults"),
]


@pytest.mark.parametrize(("words", "expected"), ACCEPTED)
def test_arguments(words, expected):
    found = vars(build_parser().parse_args([*REQUIRED, *words]))
    assert {key: found[key] for key in expected} == expected


REFUSED = [
    pytest.param([], "the following arguments are required: INPUT", id="nothing"),
    pytest.param([*REQUIRED, "--workers", "0"], "is 0, accepted are a number", id="no workers"),
    pytest.param([*REQUIRED, "--workers", "4:2"], "is 4:2, accepted", id="a range backwards"),
    pytest.param([*REQUIRED, "--workers", "x"], "is x, accepted", id="no number"),
    pytest.param([*REQUIRED, "--num-gpus", "1.5"], "is 1.5, accepted are 0 to 1", id="1.5 GPUs"),
    pytest.param([*REQUIRED, "--num-cpus", "0"], "is 0, accepted are numbers above", id="no CPU"),
    pytest.param([*REQUIRED, "--batch", "0"], "is 0, accepted are numbers from 1", id="no batch"),
    pytest.param([*REQUIRED, "--classes", "[1.5]"], "accepted are names and ids", id="classes"),
    pytest.param([*REQUIRED, "--score-threshold", "2"], "from 0 to 1", id="threshold"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_usage(words, sentence, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_examples_of_the_help_are_accepted():
    text = EPILOG.replace("\\\n", " ")
    commands = re.findall(r"^  python -m deploy\.ray predict (.*)$", text, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        build_parser().parse_args(shlex.split(command))


PROBLEMS = [
    pytest.param(["gone"], "There is no file or folder gone.", id="no input"),
    pytest.param(["images"], "a.mar cannot be read: there is no such file", id="no archive"),
]


@pytest.mark.parametrize(("words", "sentence"), PROBLEMS)
def test_problems_are_sentences(words, sentence, images, monkeypatch, capsys):
    monkeypatch.chdir(images.parent)
    assert main([*words, "--archive", "a.mar", "--output", "out"]) == 1
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert not (images.parent / "out").exists()


def test_a_folder_without_images(tmp_path, store, capsys):
    (tmp_path / "in").mkdir()
    words = ["--archive", str(store / "tiny.mar"), "--output", str(tmp_path / "out")]
    assert main([str(tmp_path / "in"), *words]) == 1
    assert "There is no image in what was named." in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()
