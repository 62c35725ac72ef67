"""Folders for temporary files: whose they are, and which are removed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from server.temporary import TemporaryFolder, remove_abandoned
from tests.holding import wait_until

MAKE = "from server.temporary import TemporaryFolder; print(TemporaryFolder().path, flush=True); "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, for this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def killed(folder: Path, pytestconfig: pytest.Config) -> Path:
    """The folder of a process that was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{MAKE} input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=pytestconfig.rootpath,
    )
    with process:
        path = Path(process.stdout.readline().strip())
        assert path.parent == folder
        assert remove_abandoned() == []  # it lives
        process.kill()
    (path / "models").mkdir()
    (path / "models" / "model.safetensors").write_bytes(b"weights")
    return path


def test_a_folder_is_of_its_server_until_it_is_removed(folder):
    first = TemporaryFolder()
    second = TemporaryFolder()
    assert {first.path.parent, second.path.parent} == {folder}
    assert remove_abandoned() == []
    first.remove()
    assert list(folder.iterdir()) == [second.path]
    second.remove()


def test_what_a_killed_server_left_is_removed(killed, folder):
    (folder / "ts-of-another-program").mkdir()
    (folder / "ts-file").touch()
    (folder / "another").mkdir()
    assert remove_abandoned() == [killed]
    assert {path.name for path in folder.iterdir()} == {
        "ts-of-another-program",
        "ts-file",
        "another",
    }


def test_what_is_reached_by_a_link_stays(killed, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "ts-moved"
    killed.rename(elsewhere)
    (folder / "ts-link").symlink_to(elsewhere)
    assert remove_abandoned() == []
    assert (elsewhere / "models" / "model.safetensors").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_another_user_has_stays(killed):
    os.chown(killed, 12345, 12345)
    assert remove_abandoned() == []
    assert killed.is_dir()


def test_what_a_process_still_names_stays(killed):
    command = [sys.executable, "-c", "input()", f"--ts-config={killed}/config.properties"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as orphan:
        wait_until(lambda: str(killed) in " ".join(psutil.Process(orphan.pid).cmdline()))
        assert remove_abandoned() == []
        orphan.kill()
    assert remove_abandoned() == [killed]


@pytest.fixture
def environment(pytestconfig, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))


@pytest.mark.usefixtures("environment")
def test_a_server_that_starts_removes_the_archives_of_one_that_was_killed(
    folder, config_file, store, tmp_path_factory
):
    command = [
        *(sys.executable, "-m", "server", "--ts-config", str(config_file)),
        *("--model-store", str(store), "--models", "tiny=tiny.mar"),
    ]
    opened: set[Path] = set()

    def unpacked() -> set[Path]:
        return {path.parents[2] for path in folder.glob("ts-*/models/*/model.safetensors")}

    for _ in range(2):
        before, run = set(opened), tmp_path_factory.mktemp("run")
        with subprocess.Popen(command, cwd=run, stdout=subprocess.DEVNULL) as process:
            wait_until(lambda before=before: unpacked() - before or process.poll() is not None)
            assert process.poll() is None
            opened = unpacked()
            family = [process, *psutil.Process(process.pid).children(recursive=True)]
            process.send_signal(signal.SIGSTOP)  # it starts nothing more
            for one in family:
                one.kill()
        psutil.wait_procs(family[1:], timeout=20)
    assert len(opened) == 1
    assert len(list(folder.glob("ts-*"))) == 1
