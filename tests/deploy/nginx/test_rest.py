"""Which HTTP requests nginx lets through to TorchServe, and what it makes of the others."""

import contextlib
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client.predictions import Predictions
from examples.coins.photograph import photograph_path
from handler.options import OPTION_NAMES
from server.properties import read_properties

PHOTOGRAPH = photograph_path().read_bytes()
LIMIT = 67108864


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/predictions/coins", id="prediction"),
        pytest.param("PUT", "/predictions/coins", id="as curl -T asks"),
        pytest.param("POST", "/predictions/coins/1.0", id="of a version"),
        pytest.param("POST", "/v1/models/coins:predict", id="KServe v1"),
        pytest.param("POST", "/v2/models/coins/infer", id="KServe v2"),
        pytest.param("POST", "/predictions/coins?x=../models", id="query"),
    ],
)
def test_predictions_pass(method, path, ask):
    answer = ask(method, path, body=PHOTOGRAPH)
    assert answer.status == 200, answer.body
    assert len(Predictions.from_native(json.loads(answer.body))) == 24


def test_what_clients_need_of_an_answer_passes(ask):
    answer = ask("POST", "/predictions/coins", body=PHOTOGRAPH)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Server-Timing"].startswith("decode;dur=")
    assert len(answer.headers.get_all("X-Request-ID")) == 1


def test_ping_passes(ask):
    assert json.loads(ask("GET", "/ping").body) == {"status": "Healthy"}


@pytest.mark.parametrize("name", OPTION_NAMES)
def test_every_option_passes_as_a_header(name, ask, pytestconfig):
    header = f"X-{name.replace('_', '-').title()}"
    text = (pytestconfig.rootpath / "deploy/nginx/torchserve.conf").read_text(encoding="utf-8")
    assert f"proxy_set_header {header} $http_x_{name};" in text


def test_an_option_in_a_header_and_the_picture_by_accept(ask):
    one = ask("POST", "/predictions/coins", body=PHOTOGRAPH, headers={"x-max-detections": "1"})
    assert len(Predictions.from_native(json.loads(one.body))) == 1
    picture = ask("POST", "/predictions/coins", body=PHOTOGRAPH, headers={"Accept": "image/jpeg"})
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.body[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/", id="root"),
        pytest.param("OPTIONS", "/", id="API description"),
        pytest.param("OPTIONS", "/predictions/coins", id="description of a model"),
        pytest.param("GET", "/api-description", id="API description, the other way"),
        pytest.param("GET", "/predictions/coins", id="prediction by GET"),
        pytest.param("DELETE", "/predictions/coins", id="prediction by DELETE"),
        pytest.param("POST", "/explanations/coins", id="explanation"),
        pytest.param("POST", "/v1/models/coins:explain", id="explanation, KServe"),
        pytest.param("POST", "/invocations?model_name=coins", id="SageMaker"),
        pytest.param("POST", "/coins/predict", id="old path"),
        pytest.param("POST", "/models/coins/invoke", id="another old path"),
        pytest.param("GET", "/models", id="models"),
        pytest.param("POST", "/models?url=http://127.0.0.1:9/x.mar", id="register"),
        pytest.param("GET", "/models/coins?customized=true", id="describe"),
        pytest.param("PUT", "/models/coins?min_worker=0", id="scale"),
        pytest.param("DELETE", "/models/coins", id="unregister"),
        pytest.param("GET", "/v1/models/coins", id="KServe readiness"),
        pytest.param("GET", "/v2", id="KServe v2 server"),
        pytest.param("GET", "/token?type=inference", id="rotate a key"),
        pytest.param("POST", "/workflows?url=http://127.0.0.1:9/x.war", id="workflow"),
        pytest.param("GET", "/workflows", id="workflows"),
        pytest.param("POST", "/wfpredict/x", id="workflow prediction"),
        pytest.param("GET", "/metrics", id="metrics"),
        pytest.param("POST", "/ping", id="ping by POST"),
        pytest.param("POST", "/predictions", id="no model"),
        pytest.param("POST", "/predictions/", id="empty model"),
        pytest.param("POST", "/predictions/coins/", id="empty version"),
        pytest.param("POST", "/predictions/coins/1.0/more", id="more path"),
        pytest.param("POST", "/predictions/../predictions/coins", id="dots"),
        pytest.param("POST", "/predictions/..", id="dots at the end"),
        pytest.param("POST", "/predictions/%2e%2e/workflows", id="encoded dots"),
        pytest.param("POST", "/predictions/%2E%2E%2Fworkflows", id="encoded dots and slash"),
        pytest.param("POST", "/predictions/%252e%252e/workflows", id="encoded twice"),
        pytest.param("POST", "/predictions/coins%2f1.0", id="encoded slash"),
        pytest.param("POST", "/predictions/coins%0d%0aX-A:%20b", id="line break"),
        pytest.param("POST", "//predictions/coins", id="two slashes"),
        pytest.param("POST", "/predictions//coins", id="two slashes inside"),
        pytest.param("POST", "/./predictions/coins", id="one dot"),
        pytest.param("POST", "/predictions\\coins", id="backslash"),
        pytest.param("POST", "/predictions/coins;x=1", id="path parameter"),
        pytest.param("POST", "/PREDICTIONS/coins", id="capitals"),
        pytest.param("POST", "/torchserve-key", id="nginx's own location"),
    ],
)
def test_everything_else_is_refused_by_nginx(method, path, ask):
    answer = ask(method, path, body=b"x" if method in ("POST", "PUT") else None)
    assert (answer.status, answer.error) == (404, "NotServedHere")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "key", [pytest.param(None, id="no key"), pytest.param("wrong", id="a wrong one")]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/predictions/coins"), ("GET", "/ping")])
def test_without_the_key_nothing_passes(method, path, key, ask):
    answer = ask(method, path, body=b"x" if method == "POST" else None, key=key)
    assert (answer.status, answer.error) == (401, "InvalidKeyException")


def test_without_the_key_not_even_the_body_is_read(proxy, behind):
    log = behind.work_dir / "logs" / "access_log.log"
    with tls(proxy) as client:
        client.sendall(head(f"Content-Length: {LIMIT}"))
        assert b" 401 " in client.recv(65536)  # before a byte of the body was sent
    assert not any("POST" in line and " 400 " in line for line in log.read_text().splitlines()[-3:])


def test_a_management_key_opens_nothing(ask, behind):
    answer = ask("POST", "/predictions/coins", body=PHOTOGRAPH, key=behind.management.token)
    assert answer.status == 401


@pytest.mark.parametrize("name", ["describe", "explain", "Describe"])
def test_headers_that_change_what_handlers_do_stay_outside(name, ask):
    # Without an image our own handler describes itself when asked by this header.
    answer = ask("POST", "/predictions/coins", body=b"", headers={name: "True"})
    assert (answer.status, answer.error) == (400, "EmptyRequest")


def test_the_errors_of_handler_and_torchserve_pass_as_they_are(ask):
    assert ask("POST", "/predictions/coins", body=b"hello").error == "UndecodableImage"
    assert ask("POST", "/predictions/nobody", body=PHOTOGRAPH).error == "ModelNotFoundException"


def test_a_large_body_is_refused_by_its_length(proxy, behind):
    key = behind.inference.token
    with tls(proxy) as client:
        client.sendall(head(f"Content-Length: {LIMIT + 1}", f"Authorization: Bearer {key}"))
        answer = client.recv(65536)
    assert b" 413 " in answer
    assert b'"type":"RequestTooLarge"' in answer


def test_a_large_body_without_a_length_is_refused_when_it_has_become_too_large(proxy, behind):
    key = behind.inference.token
    piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with tls(proxy) as client:
        client.sendall(head("Transfer-Encoding: chunked", f"Authorization: Bearer {key}"))
        for _ in range(LIMIT >> 20):
            client.sendall(piece)
        client.sendall(b"1\r\nx\r\n0\r\n\r\n")
        assert b" 413 " in client.recv(65536)


def test_the_largest_body_passes(ask, pytestconfig):
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    assert int(shipped["max_request_size"]) == LIMIT
    answer = ask("POST", "/predictions/coins", body=bytes(LIMIT))
    assert answer.error == "UndecodableImage"  # the handler has seen it


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["Content-Length: 5", "Transfer-Encoding: chunked"], id="two lengths"),
        pytest.param(["Content-Length: 5", "Content-Length: 6"], id="length twice"),
        pytest.param(["Transfer-Encoding: xchunked"], id="unknown encoding"),
        pytest.param(["Content-Length: +5"], id="odd length"),
    ],
)
def test_a_body_that_ends_in_two_ways_is_refused(lines, proxy, behind):
    with tls(proxy) as client:
        client.sendall(head(*lines, f"Authorization: Bearer {behind.inference.token}"))
        client.sendall(b"0\r\n\r\nPOST /models HTTP/1.1\r\n\r\n")
        assert client.recv(65536).split(b" ")[1] in (b"400", b"501")


def test_a_path_with_a_zero_byte_is_refused(ask):
    assert ask("POST", "/predictions/coins%00", body=b"x").status == 400


def test_clients_that_stall_are_cut_off(proxy, behind):
    whole = head("Content-Length: 1000", f"Authorization: Bearer {behind.inference.token}")

    def stall(sent: bytes) -> tuple[bytes, float]:
        start = time.monotonic()
        with tls(proxy) as client:
            client.sendall(sent)
            try:
                left = client.recv(65536)
            except ConnectionResetError:
                left = b""
        return left, time.monotonic() - start

    log = behind.work_dir / "logs" / "access_log.log"
    before = len(log.read_text().splitlines())
    sent = {"nothing": b"", "half a header": whole[:20], "half a body": whole + b"x"}
    with ThreadPoolExecutor(len(sent)) as pool:
        stalled = dict(zip(sent, pool.map(stall, sent.values()), strict=True))
    for name, (left, seconds) in stalled.items():
        assert left == b"" or b" 408 " in left, name
        assert seconds > 8, name
    # The one whose head was whole has made nginx ask for its key, and no more.
    (line,) = log.read_text().splitlines()[before:]
    assert "GET /ping" in line


def test_connections_without_a_request_are_not_counted(ask, proxy):
    with contextlib.ExitStack() as stack:
        for _ in range(50):  # 20 of one address may have a request at a time
            stack.enter_context(tls(proxy, "127.0.0.21"))
        assert ask("GET", "/ping", source="127.0.0.21").status == 200


def test_a_client_that_asks_too_often_is_told_so(ask):
    def ping(_: int) -> tuple[int, str]:
        answer = ask("GET", "/ping", source="127.0.0.3")
        return answer.status, answer.error if answer.status != 200 else ""

    answers = []
    with ThreadPoolExecutor(8) as pool:
        # 20 a second are let through for ever: a slow machine needs more requests to pass that.
        while (429, "TooManyRequests") not in answers and len(answers) < 3000:
            answers += pool.map(ping, range(50))
    assert set(answers) == {(200, ""), (429, "TooManyRequests")}
    assert answers.count((200, "")) >= 40  # the burst
    assert ask("GET", "/ping", source="127.0.0.4").status == 200


def test_http_without_tls_is_refused(ask):
    answer = ask("POST", "/predictions/coins", body=b"x", port="http")
    assert (answer.status, answer.error) == (403, "NotEncrypted")


def tls(proxy, source: str = "127.0.0.1") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    plain = socket.create_connection(
        ("127.0.0.1", proxy.ports["https"]), timeout=30, source_address=(source, 0)
    )
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def head(*lines: str) -> bytes:
    first = ["POST /predictions/coins HTTP/1.1", "Host: 127.0.0.1"]
    return "\r\n".join([*first, *lines, "", ""]).encode()
