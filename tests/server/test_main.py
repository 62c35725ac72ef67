"""`python -m server` and the signals that stop it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from client.connection import Connection
from client.http import read_key
from client.management import ManagementClient
from client.ready import STOPPING_FILE, readiness
from server.__main__ import _console_of
from server.properties import Properties, write_properties
from tests.holding import Gate, make_held, statuses, wait_until
from tests.server.test_torchserve import alive, family

FOR_EVER = ("--drain-timeout", "100000")


@dataclass
class Command:
    """A running `python -m server` with the model `held`, and what asks it."""

    process: subprocess.Popen[bytes]
    folder: Path
    properties: Properties

    @property
    def management(self) -> ManagementClient:
        token = read_key(self.folder, "management")
        return ManagementClient(self.properties["management_address"], token, timeout_s=10)

    def gate(self, folder: Path) -> Gate:
        url, token = self.properties["inference_address"], read_key(self.folder, "inference")
        return Gate(folder, url, str(token))

    def said(self) -> str:
        return (self.folder / "output").read_text()

    def is_ready(self) -> bool:
        urls = (self.properties["inference_address"], self.properties["management_address"])
        connection = Connection(*urls, self.folder, self.properties, timeout_s=10)
        return all(one.ready for one in readiness(connection))

    def wait_until_said(self, words: str) -> None:
        def is_said() -> bool:
            assert self.process.poll() is None, self.said()
            return words in self.said()

        wait_until(is_said)


@pytest.fixture
def start(pytestconfig, store, free_properties, tmp_path, monkeypatch) -> Iterator:
    """Starts the command; the model is ready."""
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    started: list[subprocess.Popen[bytes]] = []

    def make(*arguments: str, **lines: str) -> Command:
        models, folder = tmp_path / "models", tmp_path / "run"
        models.mkdir()
        folder.mkdir()
        make_held(store / "tiny.mar", models / "held.mar")
        properties = {**free_properties, **lines}
        write_properties(tmp_path / "config.properties", properties)
        words = [
            *(sys.executable, "-m", "server", "--ts-config", str(tmp_path / "config.properties")),
            *("--model-store", str(models), *arguments),
        ]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(words, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        started.append(process)
        command = Command(process, folder, properties)
        command.wait_until_said("Ready: held.")
        return command

    yield make
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(60)


def test_sigterm_lets_everything_be_answered(start, tmp_path):
    command = start()
    assert command.is_ready()
    processes = family(psutil.Process(command.process.pid))
    gate = command.gate(tmp_path / "gate")
    callers = gate.ask(command.management, "held", 4)
    command.process.send_signal(signal.SIGTERM)
    wait_until((command.folder / STOPPING_FILE).exists)
    assert not command.is_ready()
    callers += gate.ask(command.management, "held", 1)  # who has not looked yet
    gate.open()
    assert command.process.wait(60) == 0
    assert statuses(callers) == [200] * 5
    assert not alive(processes[1:])
    assert "Stopping when everything is answered, in 30 s at most." in command.said()
    assert "does not count" not in command.said()
    assert command.said().endswith("Stopped.\n")
    assert {path.name for path in command.folder.iterdir()} == {"logs", "output"}


def test_an_idle_server_stops_and_says_where_it_does_not_know_what_comes(
    start, tmp_path, monkeypatch
):
    monkeypatch.setenv("LOG_LOCATION", str(tmp_path / "elsewhere"))
    command = start(*FOR_EVER, metrics_mode="log")
    command.process.send_signal(signal.SIGTERM)
    assert command.process.wait(120) == 0
    assert "This server does not count its requests" in command.said()
    # Where `python -m client models` looks for what workers have said.
    assert (command.folder / "logs" / "ts_log.log").stat().st_size
    assert not (tmp_path / "elsewhere").exists()


def test_torchserve_ends_while_it_is_to_answer(start, tmp_path):
    command = start(*FOR_EVER)
    processes = family(psutil.Process(command.process.pid))
    (java,) = [process for process in processes if process.name() == "java"]
    callers = command.gate(tmp_path / "gate").ask(command.management, "held", 2)
    command.process.send_signal(signal.SIGTERM)
    command.wait_until_said("Stopping when everything is answered")
    java.kill()
    assert command.process.wait(60) == 1
    assert command.said().endswith("Requests may have no answer: TorchServe ended by itself.\n")
    assert statuses(callers) == [None] * 2
    assert not alive(processes[1:])


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        pytest.param(FOR_EVER, (signal.SIGINT,), id="ctrl-c"),
        pytest.param(FOR_EVER, (signal.SIGTERM, signal.SIGTERM), id="sigterm twice"),
        pytest.param(("--drain-timeout", "0"), (signal.SIGTERM,), id="no time to wait"),
    ],
)
def test_who_does_not_want_to_wait_need_not(arguments, numbers, start, tmp_path):
    command = start(*arguments)
    callers = command.gate(tmp_path / "gate").ask(command.management, "held", 4)
    command.process.send_signal(numbers[0])
    for number in numbers[1:]:
        command.wait_until_said("Stopping when everything is answered")
        command.process.send_signal(number)
    assert command.process.wait(60) == 0
    assert statuses(callers) == [None] * 4


@pytest.mark.parametrize(
    ("words", "shows_all"),
    [
        pytest.param((), True, id="a container"),
        pytest.param(("--console", "warn"), False, id="as on a terminal"),
    ],
)
def test_what_of_the_log_is_shown(words, shows_all, start):
    command = start(*words)
    assert (" [INFO ] " in command.said()) == shows_all
    assert ("==> Starting. The whole log is in logs/" in command.said()) != shows_all
    assert " [INFO ] " in (command.folder / "logs" / "ts_log.log").read_text()


def test_a_terminal_gets_warnings_alone(tmp_path):
    leader, follower = os.openpty()
    try:
        with os.fdopen(follower, "w") as terminal, (tmp_path / "file").open("w") as file:
            assert [_console_of(one) for one in (terminal, file, None)] == ["warn", "info", "info"]
    finally:
        os.close(leader)
