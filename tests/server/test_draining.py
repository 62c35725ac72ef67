"""A server that is to stop: what it was sent is answered, or it is said what was waited for."""

import contextlib
import http.client
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from client.errors import ClientError
from client.ready import STOPPING_FILE
from server import draining
from server.draining import answer_what_has_arrived
from server.errors import ServerError
from server.ports import with_free_ports
from server.properties import addresses, read_properties, write_properties
from server.torchserve import TorchServe
from tests.holding import Caller, Gate, make_held, statuses, wait_until

MODELS = {
    "held": {},
    "pair": {"minWorkers": 2, "maxWorkers": 2},
    "batches": {"batchSize": 4, "maxBatchDelay": 3000},
}
LARGE = 32 << 20
"""Bytes of an answer; the sockets of both sides take less, so that Java has to hold the rest."""


@pytest.fixture(scope="module")
def held(pytestconfig, store, tmp_path_factory) -> Iterator[TorchServe]:
    """A server of models that answer when they are let."""
    folder = tmp_path_factory.mktemp("held")
    (folder / "models").mkdir()
    for name, settings in MODELS.items():
        make_held(store / "tiny.mar", folder / "models" / f"{name}.mar", **settings)
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    write_properties(folder / "config.properties", with_free_ports(shipped))
    with TorchServe(
        config=folder / "config.properties",
        model_store=folder / "models",
        work_dir=folder / "run",
        output=subprocess.DEVNULL,
    ) as server:
        for name in MODELS:
            server.wait_until_ready(name, timeout_s=240)
        yield server


@pytest.fixture
def gate(held, tmp_path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate", held.inference.url, held.inference.token)
    yield gate
    gate.open()


@pytest.fixture
def drain(held, gate) -> Iterator:
    """Begins to drain the server in a thread: what becomes of it."""
    with ThreadPoolExecutor(1) as pool:

        def begin(timeout_s: float = 200) -> "Future[None]":
            return pool.submit(answer_what_has_arrived, held, timeout_s=timeout_s, say=print)

        yield begin
        gate.open()
    (held.work_dir / STOPPING_FILE).unlink(missing_ok=True)


def watched(monkeypatch: pytest.MonkeyPatch, name: str) -> list:
    """What a function of `draining` has returned, as it goes on."""
    returned = []
    real = getattr(draining, name)

    def call(*arguments):
        returned.append(real(*arguments))
        return returned[-1]

    monkeypatch.setattr(draining, name, call)
    return returned


@pytest.mark.parametrize("model", MODELS)
def test_what_is_in_flight_and_queued_is_answered_and_what_comes_then(model, held, gate, drain):
    callers = gate.ask(held.management, model, 5)
    drained = drain()
    wait_until((held.work_dir / STOPPING_FILE).exists)
    callers += gate.ask(held.management, model, 1)
    assert not drained.done()
    gate.open()
    assert drained.result() is None
    assert statuses(callers) == [200] * 6


def test_whoever_goes_on_asking_is_waited_for(held, gate, drain, monkeypatch):
    looks = watched(monkeypatch, "requests_received")
    headers = {"Authorization": f"Bearer {held.inference.token}"}
    drained = drain()
    answered = []
    while len(looks) < 4:  # two before and two after all workers were done
        answered += statuses([Caller(f"{held.inference.url}/predictions/held", headers)])
        assert not drained.done()
    monkeypatch.undo()
    assert drained.result() is None
    assert set(answered) == {200}


def test_an_answer_that_its_client_has_not_taken_is_waited_for(held, drain, monkeypatch):
    seen = watched(monkeypatch, "unsent_answers")
    host, port = addresses(held.properties)["inference_address"]
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.connect((host, port))
        lines = [
            *("POST /predictions/held HTTP/1.1", f"Host: {host}", "Content-Length: 1"),
            *(f"Authorization: Bearer {held.inference.token}", f"X-Large: {LARGE}", "", "x"),
        ]
        client.sendall("\r\n".join(lines).encode())
        client.recv(1, socket.MSG_PEEK)  # it is being answered
        drained = drain()
        wait_until(lambda: len(seen) > 3)  # all workers are done
        assert set(seen) == {1}
        assert not drained.done()
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert len(answer.read()) == LARGE
        assert drained.result() is None


def test_a_worker_that_does_not_answer_is_waited_for_no_longer_than_the_limit(held, gate, drain):
    callers = gate.ask(held.management, "held", 2)
    with pytest.raises(ServerError) as caught:
        drain(timeout_s=2).result()
    assert str(caught.value) == (
        "Stopped with requests that may have no answer: not all workers were done after 2 s."
    )
    gate.open()
    assert statuses(callers) == [200] * 2


@pytest.fixture
def full_backlog() -> Iterator[tuple[str, int]]:
    """Where somebody listens who takes no connection: the next one waits."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()


def server_at(inference: tuple[str, int], metrics: tuple[str, int]) -> SimpleNamespace:
    """As much of a server as says where it listens."""
    properties = {
        **{
            f"{api}_address": "http://{}:{}".format(*inference)
            for api in ("inference", "management")
        },
        "metrics_address": "http://{}:{}".format(*metrics),
        **{f"grpc_{api}_address": "127.0.0.1" for api in ("inference", "management")},
        **{f"grpc_{api}_port": "1" for api in ("inference", "management")},
    }
    return SimpleNamespace(properties=properties)


def test_a_server_that_is_too_busy_to_take_a_connection_takes_requests(full_backlog, monkeypatch):
    monkeypatch.setattr(draining, "_CONNECT_S", 0.2)
    assert draining._listens(server_at(full_backlog, full_backlog), "inference_address")


def test_a_server_that_has_not_opened_its_port_takes_none(unused_port):
    closed = ("127.0.0.1", unused_port)
    assert not draining._listens(server_at(closed, closed), "inference_address")


COUNTED = (
    "# TYPE ts_inference_requests_total counter\n"
    'ts_inference_requests_total{model_name="a",model_version="default",} 2.0\n'
    'ts_inference_requests_total{model_name="b",model_version="1.0",} 3.0\n'
    "# TYPE ts_queue_latency_microseconds counter\n"
    'ts_queue_latency_microseconds{model_name="a",} 7.0\n'
)


@pytest.fixture
def metrics() -> Iterator:
    """Starts a web server that says always the same: its address."""
    with contextlib.ExitStack() as stack:

        def start(status: int, text: str) -> tuple[str, int]:
            class Page(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text.encode())

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = stack.enter_context(HTTPServer(("127.0.0.1", 0), Page))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return server.server_address

        yield start


@pytest.mark.parametrize(
    ("status", "text", "received"),
    [
        pytest.param(200, COUNTED, 5.0, id="of all models"),
        pytest.param(200, COUNTED.splitlines()[0] + "\n", 0.0, id="none yet"),
        pytest.param(200, "", None, id="metrics in logs alone"),
        pytest.param(200, COUNTED.replace("inference", "other"), None, id="other metrics"),
        pytest.param(404, COUNTED, None, id="no such page"),
    ],
)
def test_what_the_metrics_page_says_of_requests(status, text, received, metrics, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # not asked about this machine
    monkeypatch.delenv("NO_PROXY", raising=False)
    address = metrics(status, text)
    assert draining.requests_received(server_at(address, address)) == received


def test_without_a_metrics_page_requests_are_not_counted(unused_port):
    closed = ("127.0.0.1", unused_port)
    assert draining.requests_received(server_at(closed, closed)) is None


def test_a_metrics_page_that_does_not_answer_is_not_one_that_counts_nothing(
    full_backlog, monkeypatch
):
    for name in ("_CONNECT_S", "_METRICS_TIMEOUT_S"):
        monkeypatch.setattr(draining, name, 0.2)
    with pytest.raises(ClientError, match="No answer about metrics"):
        draining.requests_received(server_at(full_backlog, full_backlog))
