"""The command: what it lists and refuses, and that Ctrl-C leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from torture.catalogue import FAULTS
from torture.cli import build_parser, build_soak_parser, main


def test_the_list_names_every_fault_and_its_promise(capsys):
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    for fault in FAULTS:
        assert fault.name in said
        assert fault.promise in said


def test_help_teaches(capsys):
    for words in (["--help"], ["soak", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert "python -m torture" in capsys.readouterr().out


def test_names_differ():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(
    "words", [["--only", "nothing-such"], ["--sometimes"], ["--onl", "restart"]], ids=str
)
def test_usage(words, capsys):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--minutes", "x"], ["--environment", "A"]])
def test_usage_of_the_soak(words, capsys):
    with pytest.raises(SystemExit) as caught:
        build_soak_parser().parse_args(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["soak"]], ids=["faults", "soak"])
def test_an_archive_that_is_not_there(words, tmp_path, capsys):
    assert main([*words, "--archive", str(tmp_path / "none.mar")]) == 1
    assert "make model_store/coins.mar" in capsys.readouterr().err


@pytest.fixture
def short_folder():
    """Sockets are in it, whose paths may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


def test_ctrl_c_stops_everything(pytestconfig, short_folder):
    archive = pytestconfig.rootpath / "model_store" / "coins.mar"
    command = [sys.executable, "-m", "torture", "--quick", "--only", "worker-killed"]
    process = subprocess.Popen(
        [*command, "--archive", str(archive), "--results", str(short_folder / "results")],
        cwd=pytestconfig.rootpath,
        env={**os.environ, "TMPDIR": str(short_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            found: list[psutil.Process] = []
            end = time.monotonic() + 120
            while len(found) < 4 and time.monotonic() < end:  # server, launcher, Java, worker
                found = psutil.Process(process.pid).children(recursive=True)
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert process.wait(100) == 130
        finally:
            process.terminate()
        assert "everything that was started is stopped" in process.stdout.read()
    assert len(found) >= 4
    assert not [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert list(short_folder.iterdir()) == []
