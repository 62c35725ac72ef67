"""The life of a server: start, readiness, end."""

import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest

from examples.coins.demo import run as run_demo
from server.errors import ServerError
from server.properties import Properties, write_properties
from server.torchserve import TorchServe
from server.watch import watch
from tests.conftest import repack


@pytest.fixture
def server(config_file: Path, store: Path, tmp_path: Path):
    """Makes a server of the tiny model; start it with `with`."""

    def make(**changes) -> TorchServe:
        arguments = {
            "config": config_file,
            "model_store": store,
            "models": ["tiny=tiny.mar"],
            "work_dir": tmp_path / "run",
            "output": subprocess.DEVNULL,
        }
        return TorchServe(**{**arguments, **changes})

    return make


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a dead one that nobody has waited for does not."""
    return [
        process
        for process in processes
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def test_is_ready_when_its_worker_answers_and_leaves_nothing_behind(server, tmp_path):
    log = tmp_path / "run" / "logs" / "model_log.log"
    log.parent.mkdir(parents=True)
    line = (
        "x [INFO ] W-9000-tiny_1.0-stdout MODEL_LOG - The model could not be loaded: an old story"
    )
    log.write_text(f"{line}\n")  # of another server
    seconds = []
    with server() as running:
        running.wait_until_ready("tiny", timeout_s=120, progress=seconds.append)
        assert running.management.worker_states("tiny") == ["READY"]
        assert running.management.models() == ["tiny"]
        processes = family(psutil.Process(running._process.pid))
        temp = running._temporary.path
    assert len(processes) >= 3  # launcher, Java, worker
    assert not alive(processes)
    assert not temp.exists()
    assert not (tmp_path / "run" / "key_file.json").exists()
    assert seconds == sorted(seconds)
    assert seconds


def test_stops_while_a_worker_is_still_loading(server):
    with server() as running:
        while len(processes := family(psutil.Process(running._process.pid))) < 3:
            assert running._process.poll() is None
    assert not alive(processes)


@pytest.mark.parametrize(
    ("model", "failure"),
    [
        pytest.param("pets", "no such file", id="its version"),
        pytest.param("pets_2.0_small", "no memory", id="begins as the other with its version"),
        pytest.param("small", None, id="ends as the other"),
        pytest.param("pets_2", None, id="another model and version together"),
    ],
)
def test_a_failure_is_of_the_model_that_is_asked_about(
    model, failure, server, tmp_path, monkeypatch
):
    versions = {"pets": "2.0", "pets_2.0_small": "1.0", "small": "1.0", "pets_2": "1.0"}
    management = SimpleNamespace(versions=lambda name: [SimpleNamespace(version=versions[name])])
    monkeypatch.setattr(TorchServe, "management", management)
    asked = server()
    log = tmp_path / "run" / "logs" / "model_log.log"
    log.parent.mkdir(parents=True)
    words = "MODEL_LOG - RuntimeError: The model could not be loaded:"
    log.write_text(
        f"2026-11-20T10:44:49,485 [INFO ] W-9501-pets_2.0_small_1.0-stdout {words} no memory\n"
        f"2026-11-20T10:44:49,486 [INFO ] W-9500-pets_2.0-stdout {words} no such file\n"
    )
    assert asked.load_failure(model) == failure


def test_says_when_time_ran_out(server):
    with server() as running, pytest.raises(ServerError, match="was not ready after 0 s"):
        running.wait_until_ready("tiny", timeout_s=0.2)


def test_says_when_the_server_ended(server, tmp_path, free_properties):
    config = tmp_path / "config.properties"
    write_properties(config, {**free_properties, "inference_address": "https://127.0.0.1:1"})
    with (
        pytest.raises(ServerError, match="TorchServe ended before it was ready"),
        server(config=config) as running,
    ):
        running.wait_until_ready("tiny", timeout_s=60)


def test_a_model_store_that_is_not_there(server, tmp_path):
    with (
        pytest.raises(ServerError, match=r"no model store .*: export a model first"),
        server(model_store=tmp_path / "none"),
    ):
        pass


def command(config_file: Path, store: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "server"),
        *("--ts-config", str(config_file)),
        *("--model-store", str(store)),
    ]


@pytest.fixture
def environment(pytestconfig, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_the_command_stops_on_a_signal_and_leaves_no_process(number, config_file, store, tmp_path):
    process = subprocess.Popen(
        command(config_file, store), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with process:
        try:
            while len(processes := family(psutil.Process(process.pid))) < 4:
                assert process.poll() is None, process.stderr.read()  # ours, launcher, Java, worker
            process.send_signal(number)
            assert process.wait(60) == 0
        finally:
            process.terminate()
        assert process.stderr.read().decode().endswith("Stopped.\n")
    assert not alive(processes[1:])


@pytest.mark.usefixtures("environment")
def test_the_command_names_a_taken_port_in_one_sentence(
    config_file, store, tmp_path, free_properties: Properties
):
    port = int(free_properties["inference_address"].rpartition(":")[2])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        result = subprocess.run(
            command(config_file, store), cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"In use by another program: 127.0.0.1:{port} (inference_address). "
        "Stop that program, or give other ports in config.properties.\n"
    )


def test_the_demo_finds_24_coins_and_draws_what_the_readme_shows(
    config_file, coins, tmp_path, capsys, pytestconfig
):
    picture = run_demo(config=config_file, model_store=coins.parent, work_dir=tmp_path / "demo")
    assert "24 coins found by coins 1.0 in 384 x 303 pixels" in capsys.readouterr().out
    drawn = cv2.imread(str(picture)).astype(np.int16)
    shown = cv2.imread(str(pytestconfig.rootpath / "docs" / "coins.jpg"))
    assert np.abs(drawn - shown).mean() < 8  # of 255; as JPEG 4, without the boxes 29


def test_repack_changes_the_model_config_alone(store, tmp_path):
    repack(store / "tiny.mar", tmp_path / "other.mar", batchSize=8)
    with (
        zipfile.ZipFile(store / "tiny.mar") as one,
        zipfile.ZipFile(tmp_path / "other.mar") as other,
    ):
        changed = [name for name in one.namelist() if one.read(name) != other.read(name)]
    assert changed == ["model-config.yaml"]


def test_what_becomes_of_each_archive_is_said(server, store, tmp_path):
    mixed = tmp_path / "store"
    mixed.mkdir()
    shutil.copy(store / "tiny.mar", mixed)
    repack(store / "tiny.mar", mixed / "tiny_2.mar", detectron2={"max_pixels": 5})
    # In the middle of the weights: TorchServe takes a cut between two files for the end.
    whole = (store / "tiny.mar").read_bytes()
    (mixed / "damaged.mar").write_bytes(whole[: len(whole) // 2])
    said = []
    # By name: inside, both call themselves tiny.
    models = [f"{name}={name}.mar" for name in ("tiny", "tiny_2", "damaged")]

    def check() -> None:
        if len(said) == 2:
            raise KeyboardInterrupt

    with server(model_store=mixed, models=models) as running:
        with pytest.raises(KeyboardInterrupt):  # what it raises ends the watch
            watch(running, said.append, check)
        failure = r'"tiny_2" failed to load: .*unknown keys .*logs are in'
        with pytest.raises(ServerError, match=failure):
            running.wait_until_ready("tiny_2", timeout_s=120)
        running.wait_until_ready("tiny", timeout_s=120)
    assert any("damaged.mar is not served" in sentence for sentence in said)
    assert any('"tiny_2" cannot be loaded' in s and "max_pixels" in s for s in said)


def test_the_watch_says_when_everything_answers(server):
    said = []
    with server() as running:

        def say(sentence: str) -> None:
            said.append(sentence)
            running._process.terminate()  # the launcher: the watch ends with it

        watch(running, say)
    assert said[0].startswith("Ready: tiny. Ask at http://127.0.0.1:")


def test_the_watch_says_that_there_is_nothing_to_serve(server, tmp_path):
    (tmp_path / "empty").mkdir()
    said = []
    with server(model_store=tmp_path / "empty", models=["all"]) as running:

        def say(sentence: str) -> None:
            said.append(sentence)
            running._process.terminate()

        watch(running, say)
    assert said[0].startswith("No model is served")
