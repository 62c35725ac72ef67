"""What the gateway makes of what Serve raises; real clusters are in the files beside this one."""

import asyncio
from pathlib import Path

import pytest
import ray.exceptions
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from starlette.requests import Request
from starlette.responses import Response

from deploy.ray import gateway
from deploy.ray.arguments import GatewayArguments
from deploy.ray.gateway import Gateway
from deploy.ray.replies import Reply

ANSWER = Reply(200, b"{}", headers={"server-timing": "model;dur=1.00"})
LOST = ray.exceptions.ActorDiedError()


class Handle:
    """An application that does as it is told, once for each request."""

    def __init__(self, *happens: Exception | Reply) -> None:
        self._happens = list(happens)
        self.asked = 0

    async def remote(self, asked: object) -> Reply:
        self.asked += 1
        happened = self._happens.pop(0)
        if isinstance(happened, Exception):
            raise happened
        return happened


def ask(
    monkeypatch: pytest.MonkeyPatch,
    handle: Handle,
    *,
    path: str = "/predictions/coins",
    body: bytes = b"x",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    **arguments: object,
) -> Response:
    monkeypatch.setattr(gateway.serve, "get_deployment_handle", lambda *_: handle)

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    async def answered() -> Response:
        one = Gateway(GatewayArguments(**arguments))
        models = {"coins": {"default": "1.0", "versions": {"1.0": "coins@1.0"}}}
        await one.reconfigure({"models": models})
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": list(headers),
        }
        return await one(Request(scope, receive))

    return asyncio.run(answered())


@pytest.mark.parametrize(
    ("happens", "status", "asked"),
    [
        pytest.param([ANSWER], 200, 1, id="an answer"),
        pytest.param([LOST, ANSWER], 200, 2, id="a replica is lost"),
        pytest.param([LOST, LOST], 500, 2, id="two are lost"),
        pytest.param([BackPressureError(1, 1)], 503, 1, id="a full queue"),
        pytest.param([DeploymentUnavailableError("x")], 503, 1, id="nobody there"),
        pytest.param([RayServeException("gone")], 503, 1, id="no such application"),
        pytest.param([ValueError("?")], 500, 1, id="unforeseen"),
    ],
)
def test_each_error_has_its_status(happens, status, asked, monkeypatch):
    handle = Handle(*happens)
    response = ask(monkeypatch, handle)
    assert (response.status_code, handle.asked) == (status, asked)
    assert response.headers["cache-control"].startswith("no-cache")


def test_an_answer_is_passed_on_as_it_is(monkeypatch):
    response = ask(monkeypatch, Handle(ANSWER))
    assert response.body == b"{}"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["server-timing"] == "model;dur=1.00"


@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
def test_a_request_has_its_limit(size, status, monkeypatch):
    response = ask(monkeypatch, Handle(ANSWER), body=bytes(size), max_request_bytes=10)
    assert response.status_code == status
    if status == 413:
        assert response.body == b""


@pytest.mark.parametrize(
    ("content", "authorization", "status"),
    [
        pytest.param("secret\n", b"Bearer secret", 200, id="the key"),
        pytest.param("secret", b"Bearer other", 400, id="another"),
        pytest.param("secret", b"secret", 400, id="not as Bearer"),
        pytest.param("secret", b"", 400, id="none"),
        pytest.param("", b"Bearer ", 400, id="an empty file lets nobody in"),
        pytest.param(None, b"Bearer secret", 400, id="no file lets nobody in"),
        pytest.param("secret", b"Bearer \xff", 400, id="not ascii"),
    ],
)
def test_the_key_is_asked_for(content, authorization, status, monkeypatch, tmp_path: Path):
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    headers = ((b"authorization", authorization),)
    response = ask(monkeypatch, Handle(ANSWER), headers=headers, key_file=str(file))
    assert response.status_code == status
