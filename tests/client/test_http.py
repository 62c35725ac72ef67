"""The client's one way to send, against a real HTTP server that misbehaves on purpose."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.http import exchange, find_key, read_key, send


class Misbehaving(BaseHTTPRequestHandler):
    answers = {  # noqa: RUF012 - a constant table
        "/ok": (200, b'{"answer": 42}'),
        "/error": (400, b'{"code": 400, "type": "UndecodableImage", "message": "Not an image."}'),
        "/bare": (503, b""),
        "/html": (200, b"<html>"),
        "/html-error": (502, b"<html>Bad gateway"),
        "/list-error": (500, b"[1]"),
    }

    def do_GET(self) -> None:
        if self.path == "/token":
            self._answer(200, f'"{self.headers["Authorization"]}"'.encode())
        elif self.path == "/silent":
            self.server.released.wait(20)
        elif self.path == "/breaks":
            self._break_off_at_first()
        else:
            self._answer(*self.answers[self.path])

    def do_POST(self) -> None:
        self._break_off_at_first()

    def _break_off_at_first(self) -> None:
        self.server.asked.append(self.command)
        if self.server.asked.count(self.command) > 1:
            self._answer(200, b"{}")
        self.close_connection = True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as server:
        server.released = threading.Event()
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.released.set()
        server.shutdown()
        thread.join()


def test_reads_an_answer(url):
    assert send("GET", f"{url}/ok") == {"answer": 42}


@pytest.mark.parametrize(("token", "header"), [("abc", "Bearer abc"), (None, "None")])
def test_sends_the_token_it_has(token, header, url):
    assert send("GET", f"{url}/token", token=token) == header


@pytest.mark.parametrize(
    ("path", "status", "type_", "sentence"),
    [
        pytest.param("/error", 400, "UndecodableImage", "Not an image.", id="our error body"),
        pytest.param("/bare", 503, "Service Unavailable", "gave no reason", id="no body"),
        pytest.param("/html-error", 502, "Bad Gateway", "gave no reason", id="a proxy's page"),
        pytest.param("/list-error", 500, "Internal Server Error", "gave no reason", id="a list"),
    ],
)
def test_an_error_answer_becomes_an_error(path, status, type_, sentence, url):
    with pytest.raises(RequestRefused, match=sentence) as caught:
        send("GET", f"{url}{path}")
    assert (caught.value.status, caught.value.type) == (status, type_)


def test_an_answer_that_is_not_json(url):
    with pytest.raises(ClientError, match="something else than JSON"):
        send("GET", f"{url}/html")


def test_a_server_that_does_not_answer(url):
    with pytest.raises(ServerUnreachable, match="No answer from"):
        send("GET", f"{url}/silent", timeout_s=0.2)


def test_a_server_that_is_not_there(unused_port):
    with pytest.raises(ServerUnreachable, match="No answer from"):
        send("GET", f"http://127.0.0.1:{unused_port}/")


def test_what_changes_nothing_is_asked_again_when_the_connection_breaks_off(url):
    assert send("GET", f"{url}/breaks") == {}


def test_what_may_change_something_is_sent_once(url):
    with pytest.raises(ServerUnreachable, match="No answer from"):
        send("POST", f"{url}/breaks", data=b"image")


def test_an_answer_comes_with_its_headers(url):
    answer = exchange("GET", f"{url}/ok")
    assert answer.document == {"answer": 42}
    assert answer.headers["content-LENGTH"] == "14"


@pytest.mark.parametrize(
    ("environment", "key"), [({}, "of-file"), ({"TORCHSERVE_INFERENCE_KEY": "mine"}, "mine")]
)
def test_the_environment_wins_over_the_file(environment, key, tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHSERVE_INFERENCE_KEY", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "key_file.json").write_text('{"inference": {"key": "of-file"}}')
    assert find_key(tmp_path, "inference") == key


def test_reads_the_key_of_each_api(tmp_path):
    (tmp_path / "key_file.json").write_text('{"inference": {"key": "abc"}}')
    assert read_key(tmp_path, "inference") == "abc"


def test_a_server_without_tokens_has_no_key_file(tmp_path):
    assert read_key(tmp_path, "inference") is None


@pytest.mark.parametrize("content", ["", "{}", '{"inference": 3}', "[]"])
def test_a_damaged_key_file_is_named(content, tmp_path):
    (tmp_path / "key_file.json").write_text(content)
    with pytest.raises(ClientError, match=r"key_file\.json is not a key file"):
        read_key(tmp_path, "inference")


def test_a_key_with_a_line_break_at_its_end_is_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHSERVE_INFERENCE_KEY", "abc\n")
    assert find_key(tmp_path, "inference") == "abc"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("se\ncret", id="a line break"),
        pytest.param("猫cret", id="letters beyond Latin-1"),
        pytest.param("se\udc80cret", id="a byte that is not UTF-8"),
    ],
)
def test_a_key_that_no_header_can_have_is_not_said(url, key):
    with pytest.raises(ClientError, match="cannot be sent") as raised:
        send("GET", f"{url}/ok", token=key)
    assert "cret" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(host, url, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    port = url.rpartition(":")[2]
    assert send("GET", f"http://{host}:{port}/token", token="abc") == "Bearer abc"
