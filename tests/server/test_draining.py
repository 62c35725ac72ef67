"""SIGTERM to `python -m server`, with requests at hand: all are answered, or the limit ends it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
import yaml

from client.connection import Connection
from client.http import read_key
from client.management import ManagementClient
from client.ready import readiness
from client.sample_image import sample_png
from tests.server.test_torchserve import alive, family
from torture.variants import ENTRY, appended, make_variant

SECONDS = 1.5

SLOW = appended(
    f"""import time
_answer = Detectron2Handler.handle
def _slow(self, data, context):
    if "X-Slow" in context.get_all_request_header(0):
        time.sleep({SECONDS})
    return _answer(self, data, context)
Detectron2Handler.handle = _slow
"""
)


def settings(**values: object) -> Callable[[bytes], bytes]:
    return lambda content: yaml.safe_dump({**yaml.safe_load(content), **values}).encode()


@dataclass
class Command:
    """A running `python -m server`, and what asks it."""

    process: subprocess.Popen[bytes]
    folder: Path
    properties: dict[str, str]

    @property
    def management(self) -> ManagementClient:
        token = read_key(self.folder, "management")
        return ManagementClient(self.properties["management_address"], token, timeout_s=10)

    @property
    def workers(self) -> list[int]:
        return [worker.pid for worker in self.management.version("slow").workers]

    def said(self) -> str:
        return (self.folder / "output").read_text()

    def is_ready(self) -> bool:
        connection = Connection(
            self.properties["inference_address"],
            self.properties["management_address"],
            self.folder,
            self.properties,
            timeout_s=10,
        )
        return all(one.ready for one in readiness(connection))

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            assert self.process.poll() is None, self.said()
            if "Ready: " in self.said():
                return
            time.sleep(0.2)
        raise AssertionError(self.said())

    def ask(self, count: int) -> "list[Caller]":
        """So many slow requests at once; returns when the server has them."""
        callers = [Caller(self) for _ in range(count)]
        for caller in callers:
            caller.start()
        time.sleep(0.5)
        return callers

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal; when."""
        self.process.send_signal(number)
        return time.monotonic()


class Caller(threading.Thread):
    """One slow request; `status` is None where the connection broke off."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self._url = f"{command.properties['inference_address']}/predictions/slow"
        self._key = read_key(command.folder, "inference")
        self.status: int | None = None
        self.ended = 0.0

    def run(self) -> None:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "image/png",
            "X-Slow": "yes",
        }
        with contextlib.suppress(requests.RequestException):
            answer = requests.post(
                self._url, data=sample_png(64, 48), headers=headers, timeout=(5, 60)
            )
            self.status = answer.status_code
        self.ended = time.monotonic()


@pytest.fixture
def start(pytestconfig, store, config_file, free_properties, tmp_path, monkeypatch) -> Iterator:
    """Starts the command with a model that takes its time when it is asked to."""
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    started: list[subprocess.Popen[bytes]] = []

    def make(*arguments: str, **values: object) -> Command:
        models, folder = tmp_path / "models", tmp_path / "run"
        models.mkdir()
        folder.mkdir()
        edits = {ENTRY: SLOW, "model-config.yaml": settings(**values)}
        make_variant(store / "tiny.mar", models / "slow.mar", "1.0", edits, model="slow")
        line = [
            *(sys.executable, "-m", "server", "--ts-config", str(config_file)),
            *("--model-store", str(models), *arguments),
        ]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(line, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        started.append(process)
        command = Command(process, folder, free_properties)
        command.wait_until_ready()
        return command

    yield make
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(60)


def test_what_is_in_flight_and_queued_is_answered(start):
    command = start()
    processes = family(psutil.Process(command.process.pid))
    callers = command.ask(4)
    assert command.management.version("slow").pending >= 2
    assert command.is_ready()
    command.stop()
    time.sleep(1)
    assert not command.is_ready()
    late = command.ask(1)  # who has not looked yet is answered as well
    assert command.process.wait(30) == 0
    assert [caller.status for caller in (*callers, *late)] == [200] * 5
    assert not alive(processes[1:])
    assert "Stopping when everything is answered, in 30 s at most." in command.said()
    assert command.said().endswith("Stopped.\n")
    assert {path.name for path in command.folder.iterdir()} == {"logs", "output"}


@pytest.mark.parametrize(
    "values",
    [{"minWorkers": 2, "maxWorkers": 2}, {"batchSize": 4, "maxBatchDelay": 3000}],
    ids=["two workers", "batches that wait to be filled"],
)
def test_others_than_one_worker_with_one_request(values, start):
    command = start(**values)
    callers = command.ask(5)
    command.stop()
    assert command.process.wait(30) == 0
    assert [caller.status for caller in callers] == [200] * 5


def test_an_idle_server_stops_within_seconds(start):
    command = start()
    stopped = command.stop()
    assert command.process.wait(30) == 0
    assert time.monotonic() - stopped < 10


def test_a_worker_that_stands_still_ends_with_the_limit(start):
    command = start("--drain-timeout", "4")
    processes = family(psutil.Process(command.process.pid))
    os.kill(command.workers[0], signal.SIGSTOP)
    callers = command.ask(2)
    stopped = command.stop()
    assert command.process.wait(40) == 1
    assert 4 <= time.monotonic() - stopped < 4 + 20
    assert not alive(processes[1:])
    assert "requests that may have no answer: not all workers were done after 4 s." in (
        command.said()
    )
    for caller in callers:
        caller.join()
        assert caller.status != 200


def test_whoever_goes_on_asking_is_answered_until_the_limit(start):
    command = start("--drain-timeout", "6")
    callers: list[Caller] = []
    stopped = command.stop()
    while command.process.poll() is None:
        callers.append(Caller(command))
        callers[-1].start()
        callers[-1].join()
    assert command.process.returncode == 1
    statuses = [caller.status for caller in callers if caller.ended - stopped < 6]
    assert len(statuses) >= 2
    assert set(statuses) == {200}


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)],
    ids=["ctrl-c", "sigterm twice", "ctrl-c after sigterm"],
)
def test_who_does_not_want_to_wait_need_not(numbers, start):
    command = start()
    callers = command.ask(8)
    for number in numbers:
        stopped = command.stop(number)
        time.sleep(1)
    assert command.process.wait(30) == 0
    assert time.monotonic() - stopped < 8 * SECONDS - 4
    for caller in callers:
        caller.join()
    assert [caller.status for caller in callers].count(200) < 6


def test_without_a_limit_there_is_no_wait(start):
    command = start("--drain-timeout", "0")
    command.ask(8)
    stopped = command.stop()
    assert command.process.wait(30) == 0
    assert time.monotonic() - stopped < 8 * SECONDS - 4
