"""What the commands that ask about many images say of runs that were stopped or go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from client.__main__ import main
from client.answers.header import header_of
from tests.client.conftest import NATIVE
from tests.client.proxy import Reply
from tests.images import noise_bgr, png

COUNT = 6
COMMANDS = {
    "predict": ["images", "--no-pictures", "--workers", "1"],
    "evaluate": ["--images", "images", "--annotations", "all.json", "--workers", "1"],
    "compare": ["--images", "images", "--version", "1.0", "--version", "2.0"],
}
JOURNAL = {"predict": "answers.jsonl", "evaluate": "answers.jsonl", "compare": "answers.old.jsonl"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Images of one pixel, which is what the stand-in answers about, and their annotations."""
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    names = [f"{number}.png" for number in range(COUNT)]
    for number, name in enumerate(names):
        Path("images", name).write_bytes(png(noise_bgr(1, 1, number)))
    images = [
        {"id": number, "file_name": name, "height": 1, "width": 1}
        for number, name in enumerate(names, start=1)
    ]
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0}
    document = {"images": images, "annotations": [one], "categories": [{"id": 1, "name": "cat"}]}
    Path("all.json").write_text(json.dumps(document))
    return tmp_path


def good(asked) -> Reply:
    """As the version that is asked."""
    version = asked.path.partition("/m/")[2] or "1.0"
    return Reply(200, json.dumps({**NATIVE, "model": {"name": "m", "version": version}}).encode())


@pytest.fixture
def words(stand_in):
    stand_in.instead = good

    def of(command: str) -> list[str]:
        site = ["--inference", stand_in.url, "--management", stand_in.url, "--patience", "0"]
        return [command, *COMMANDS[command], "--output", "out", "--model", "m", *site]

    return of


@pytest.fixture
def say(words, capsys):
    def run(command: str, *more: str) -> tuple[int, str]:
        code = main([*words(command), *more])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_answers_of_an_earlier_run_are_counted_and_dated(say, stand_in, command):
    assert "earlier run" not in say(command)[1]
    journal = Path("out", JOURNAL[command])
    begun = header_of(journal).begun
    journal.write_text(journal.read_text().replace(begun, "2026-01-02T03:04:05+01:00"))
    asked = len(stand_in.asked)
    _, said = say(command)
    assert len(stand_in.asked) == asked
    verb = "" if command == "predict" else "are "
    assert f"{COUNT} answers {verb}of an earlier run, begun 2026-01-02 03:04." in said
    assert "Whether m 1.0 was exported anew since the earlier run is not known" in said
    if command != "predict":
        warnings = json.loads(Path("out/report.json").read_text())["warnings"]
        assert any("of an earlier run, begun 2026-01-02 03:04." in one for one in warnings)


@pytest.mark.parametrize(
    ("restart", "sentence"),
    [
        ([], "the same command goes on from there."),
        (["--restart"], "the same command, without --restart, goes on from there."),
    ],
    ids=["begun", "begun again"],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_which_command_goes_on(say, stand_in, command, restart, sentence):
    if restart:
        say(command)
    stand_in.asked.clear()
    stand_in.instead = lambda asked: good(asked) if len(stand_in.asked) <= 4 else Reply(0)
    code, said = say(command, *restart)
    assert code == 1
    assert sentence in said
    stand_in.asked.clear()
    stand_in.instead = good
    _, said = say(command)
    assert len(stand_in.asked) == COUNT - 3
    assert "3 answers" in said


@pytest.mark.parametrize(
    ("command", "more"),
    [
        pytest.param("compare", ["--version", "9.9"], id="compare, a version that is not served"),
        pytest.param("evaluate", ["--model", "none"], id="evaluate, a model that is not served"),
        pytest.param("predict", ["--version", "9.9"], id="predict, a version that is not served"),
    ],
)
def test_a_restart_that_is_refused_deletes_nothing(say, words, stand_in, command, more, capsys):
    say(command)
    before = {file: file.read_bytes() for file in Path("out").glob("*.jsonl")}
    body = b'{"code": 404, "type": "ModelVersionNotFoundException", "message": "no"}'

    def refuse(asked):
        return Reply(404, body) if asked.path.endswith(("/9.9", "/none")) else good(asked)

    stand_in.instead = refuse
    typed = words(command)
    if command == "compare":  # the second of the two
        typed[len(typed) - 1 - typed[::-1].index("2.0")] = "9.9"
        more = []
    assert main([*typed, *more, "--restart"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert {file: file.read_bytes() for file in Path("out").glob("*.jsonl")} == before


@pytest.mark.parametrize("gone", ["nobody reads it", "closed"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stderr_that_takes_nothing_changes_no_exit_code(words, pytestconfig, command, gone):
    """There is something to say there: a note of few images, of AP, of ids."""
    reader, writer = os.pipe()
    os.close(reader)
    typed = [sys.executable, "-m", "client", *words(command)]
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", *typed]
    try:
        done = subprocess.run(
            typed if gone == "nobody reads it" else shell,
            env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath), "PYTHONUNBUFFERED": ""},
            stdout=subprocess.PIPE,
            stderr=writer,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == 0, done.stdout
