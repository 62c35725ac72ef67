"""What the gateway makes of what Serve raises; real clusters are in the files beside this one."""

import asyncio
import time
from pathlib import Path

import pytest
import ray.exceptions
from pydantic import ValidationError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from starlette.requests import Request
from starlette.responses import Response

from deploy.ray import asking, versions
from deploy.ray.arguments import GatewayArguments
from deploy.ray.gateway import Gateway
from deploy.ray.messages import Reply

ANSWER = Reply(200, b"{}", headers={"server-timing": "model;dur=1.00"})
NEVER = None
LOST = ray.exceptions.ActorDiedError()


class Handle:
    """An application that does as it is told, once for each request."""

    def __init__(self, *happens: Exception | Reply | None) -> None:
        self._happens = list(happens)
        self.asked = 0
        self.replicas = [{"pid": 1}]

    def broadcast(self, _: str) -> "Handle":
        return self

    async def results_async(self) -> list[dict]:
        return self.replicas

    async def remote(self, asked: object = None) -> Reply:
        self.asked += 1
        happened = self._happens.pop(0)
        if happened is NEVER:
            await asyncio.Event().wait()
        if isinstance(happened, Exception):
            raise happened
        return happened


def ask(
    monkeypatch: pytest.MonkeyPatch,
    handle: Handle,
    *,
    path: str = "/predictions/coins",
    body: bytes | None = b"x",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    **arguments: object,
) -> Response:
    monkeypatch.setattr(versions.serve, "get_deployment_handle", lambda *_, **__: handle)

    async def receive() -> dict:
        if body is None:  # it never comes
            await asyncio.Event().wait()
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
        pytest.param([ValueError("?")], 503, 1, id="unforeseen"),
        pytest.param([NEVER], 503, 1, id="no answer in time"),
    ],
)
def test_each_error_has_its_status(happens, status, asked, monkeypatch):
    handle = Handle(*happens)
    response = ask(monkeypatch, handle, answer_timeout_s=0.2)
    assert (response.status_code, handle.asked) == (status, asked)
    assert response.headers["cache-control"].startswith("no-cache")


def test_a_replica_that_is_there_is_waited_for(monkeypatch):
    monkeypatch.setattr(asking, "NOBODY_S", 0.1)
    start = time.monotonic()
    assert ask(monkeypatch, Handle(NEVER), answer_timeout_s=0.5).status_code == 503
    assert time.monotonic() - start >= 0.5


@pytest.mark.timeout(60)
def test_where_there_is_none_it_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(asking, "NOBODY_S", 0.1)
    handle = Handle(NEVER)
    handle.replicas = []
    assert ask(monkeypatch, handle, answer_timeout_s=3600).status_code == 503


def test_an_answer_is_passed_on_as_it_is(monkeypatch):
    response = ask(monkeypatch, Handle(ANSWER))
    assert response.body == b"{}"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["server-timing"] == "model;dur=1.00"


@pytest.mark.parametrize(
    ("size", "said", "status"),
    [
        pytest.param(10, None, 200, id="all that is accepted"),
        pytest.param(11, None, 413, id="more, of no said length"),
        pytest.param(0, b"11", 413, id="said to be more, and not read"),
        pytest.param(10, b"ten", 413, id="a length that is none"),
    ],
)
def test_a_request_has_its_limit(size, said, status, monkeypatch):
    headers = ((b"content-length", said),) if said else ()
    handle = Handle(ANSWER)
    response = ask(monkeypatch, handle, body=bytes(size), headers=headers, max_request_bytes=10)
    assert response.status_code == status
    assert handle.asked == (status == 200)
    if status == 413:
        assert response.body == b""


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    response = ask(monkeypatch, Handle(ANSWER), body=None, body_timeout_s=0.1)
    assert response.status_code == 408


def test_who_has_no_key_has_no_body_read(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("secret")
    response = ask(monkeypatch, Handle(ANSWER), body=None, key_file=str(tmp_path / "key"))
    assert response.status_code == 400


CONFIG = {"models": {"coins": {"default": "1.0", "versions": {"1.0": "coins@1.0"}}}}


@pytest.mark.parametrize(
    ("config", "default"),
    [
        pytest.param({"models": {"coins": 1}}, "1.0", id="no config at all"),
        pytest.param(
            {"models": {"coins": {"default": "9", "versions": {"1.0": "coins@1.0"}}}},
            "1.0",
            id="a default that is not there",
        ),
    ],
)
def test_a_wrong_config_does_not_end_a_gateway(config, default, monkeypatch):
    handle = Handle()
    monkeypatch.setattr(versions.serve, "get_deployment_handle", lambda *_, **__: handle)

    async def changed() -> object:
        one = Gateway(GatewayArguments())
        await one.reconfigure(CONFIG)
        await one.reconfigure(config)
        return one._versions.find("coins", None)

    assert asyncio.run(changed()) == (default, handle)


def test_a_first_config_that_is_none_is_said():
    with pytest.raises(ValidationError, match="default"):
        asyncio.run(Gateway(GatewayArguments()).reconfigure({"models": {"coins": {}}}))


def test_a_default_moves_when_the_new_version_answers(monkeypatch):
    """Until then the old one stays, whatever Serve says of the new one meanwhile."""
    old, new = Handle(), Describing(RayServeException("not there yet"), {})
    monkeypatch.setattr(versions, "_AGAIN_S", 0.01)
    monkeypatch.setattr(
        versions.serve,
        "get_deployment_handle",
        lambda _, application, **__: new if application == "coins@2.0" else old,
    )
    both = {"1.0": "coins@1.0", "2.0": "coins@2.0"}

    async def moved() -> list[object]:
        one = Gateway(GatewayArguments())
        await one.reconfigure(CONFIG)
        await one.reconfigure({"models": {"coins": {"default": "2.0", "versions": both}}})
        before = one._versions.find("coins", None)
        while one._versions.find("coins", None) == before:
            await asyncio.sleep(0.01)
        return [before, one._versions.find("coins", None)]

    assert asyncio.run(asyncio.wait_for(moved(), 10)) == [("1.0", old), ("2.0", new)]


class Describing:
    """An application that describes itself when it is there."""

    def __init__(self, *happens: Exception | dict) -> None:
        self._handle = Handle(*happens)
        self.describe = self._handle


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
