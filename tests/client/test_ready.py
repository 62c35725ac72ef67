"""Readiness, of a real server that is loading, ready, broken or not there."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from client.connection import Connection
from client.errors import ClientError
from client.ready import STOPPING_FILE, main, readiness
from server.properties import Properties, write_properties
from server.torchserve import TorchServe
from torture.variants import ENTRY, failing_handler, make_variant


@pytest.fixture
def command(tmp_path, capsys):
    def run(*words: str):
        site = [
            *("--ts-config", str(tmp_path / "config.properties")),
            *("--key-folder", str(tmp_path / "run")),
        ]
        code = main([*words, *site])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def server(tmp_path, free_properties: Properties):
    """Makes a server of a model store; start it with `with`."""
    write_properties(tmp_path / "config.properties", free_properties)

    def make(model_store) -> TorchServe:
        return TorchServe(
            config=tmp_path / "config.properties",
            model_store=model_store,
            work_dir=tmp_path / "run",
            output=subprocess.DEVNULL,
        )

    return make


def test_is_true_only_when_predictions_work(server, command, store, tmp_path):
    models = tmp_path / "store"
    models.mkdir()
    make_variant(store / "tiny.mar", models / "tiny.mar", "1.0")
    assert command()[0] == 1  # not started
    codes = []
    with server(models) as running:
        while not codes or codes[-1]:
            codes.append(command("--timeout", "5")[0])
            assert running._process.poll() is None
        assert running.is_ready("tiny")
        code, out, err = command()
        assert (code, err) == (0, "")
        assert out.startswith("tiny 1.0 is ready: 1 worker, a small image was answered in ")
        code, out, _ = command("--json", "--model", "tiny")
        document = json.loads(out)
        assert document["ready"] is True
        assert document["models"][0]["version"] == "1.0"
        code, _, err = command("--model", "tiny", "--model", "pets")
        assert code == 1
        assert "pets is not ready: 404" in err
        # What is not answered in time does not work.
        code, _, err = command("--timeout", "0.0005")
        assert code == 1
        assert running.management.token not in out + err
        assert running.inference.token not in out + err
    assert len(codes) > 1  # and it was false before


def test_a_model_whose_workers_are_ready_and_whose_answers_are_errors(
    server, command, store, tmp_path
):
    models = tmp_path / "store"
    models.mkdir()
    make_variant(store / "tiny.mar", models / "tiny.mar", "1.0", {ENTRY: failing_handler})
    with server(models) as running:
        running.wait_until_ready("tiny", timeout_s=120)
        code, out, err = command()
    assert (code, out) == (1, "")
    assert "tiny 1.0 is not ready: its workers are, and a small image got: 503" in err


def test_a_server_without_models(server, command, tmp_path):
    (tmp_path / "empty").mkdir()
    with server(tmp_path / "empty") as running:
        said = ""
        while "serves no model" not in said:
            code, _, said = command()
            assert code == 1
            assert not running.has_ended(within_s=0.3)


@pytest.mark.usefixtures("server")
def test_a_server_that_stops_is_not_ready_however_it_answers(command, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / STOPPING_FILE).touch()
    code, out, err = command()
    assert (code, out) == (1, "")
    assert err == "The server is not ready: it stops when it has answered what it was sent.\n"


MODELS = ("cats", "dogs", "pets")


class Slow(BaseHTTPRequestHandler):
    """Serves three models; which paths wait, and for what, is the server's `waits`."""

    def do_GET(self) -> None:
        self._answer_when("management" if self.path.startswith("/models?") else "version")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer_when("prediction")

    def _answer_when(self, what: str) -> None:
        if what in self.server.waits:
            self.server.waits[what]()
        model = self.path.partition("?")[0].rpartition("/")[2]
        version = {
            **{"modelName": model, "modelVersion": "1.0", "modelUrl": "x.mar"},
            **{"minWorkers": 1, "maxWorkers": 1, "responseTimeout": 120},
            "workers": [{"id": "9000", "status": "READY", "pid": 1}],
        }
        body = {
            "management": {"models": [{"modelName": name} for name in MODELS]},
            "version": [version],
            "prediction": {},
        }[what]
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def slow(tmp_path) -> Iterator[ThreadingHTTPServer]:
    """A server whose answers wait for what a test puts into `waits`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.waits = {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def connection(server: ThreadingHTTPServer, timeout_s: float) -> Connection:
    url = f"http://127.0.0.1:{server.server_port}"
    return Connection(url, url, Path("none"), {}, timeout_s)


def test_all_models_are_asked_at_once(slow):
    slow.waits["prediction"] = threading.Barrier(len(MODELS), timeout=60).wait
    found = readiness(connection(slow, 60))
    assert [(one.model, one.ready) for one in found] == [(name, True) for name in MODELS]


@pytest.mark.parametrize("late", ["version", "prediction"])
def test_the_time_out_is_for_all_together(late, slow):
    """Each would take a minute: one after another, no health check would live to see the third."""
    never = threading.Event()
    slow.waits[late] = lambda: never.wait(60)
    found = readiness(connection(slow, 0.3))
    never.set()
    assert [one.ready for one in found] == [False] * 3
    assert all("o answer " in one.sentence for one in found)


def test_a_server_that_does_not_even_list_its_models(slow):
    never = threading.Event()
    slow.waits["management"] = lambda: never.wait(60)
    with pytest.raises(ClientError, match=r"(?i)no answer"):
        readiness(connection(slow, 0.3))
    never.set()


def test_needs_neither_torch_nor_numpy(pytestconfig):
    script = (
        "import sys, client.ready\n"
        "print([name for name in ('torch', 'numpy', 'cv2', 'pycocotools') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
