"""How jobs begin and end a Ray, without one."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest
import ray

from client.errors import ClientError
from deploy.ray.jobs.cluster import Pool, connected, pool_for, wanting_room

VARIABLES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ENABLE_AUTO_CONNECT")


class Calls:
    """Stands for Ray, and notes what it would have seen."""

    error: Exception | None = None
    seen: dict[str, str | None]
    ended = 0

    def init(self, **_: object) -> None:
        self.seen = {name: os.environ.get(name) for name in VARIABLES}
        signal.signal(signal.SIGTERM, lambda *_: None)  # as Ray does
        if self.error is not None:
            raise self.error

    def shutdown(self) -> None:
        self.ended += 1


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    for name in (*VARIABLES, "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    found = Calls()
    monkeypatch.setattr(ray, "init", found.init)
    monkeypatch.setattr(ray, "shutdown", found.shutdown)
    before = signal.getsignal(signal.SIGTERM)
    yield found
    signal.signal(signal.SIGTERM, before)


def test_a_cluster_of_its_own_has_a_token_that_nobody_else_gets(calls):
    tokens = []
    for _ in range(2):
        with connected(None) as may_grow:
            assert not may_grow
        assert (calls.seen["RAY_AUTH_MODE"], len(calls.seen["RAY_AUTH_TOKEN"])) == ("token", 64)
        tokens.append(calls.seen["RAY_AUTH_TOKEN"])
        assert not any(name in os.environ for name in VARIABLES)
    assert tokens[0] != tokens[1]


def test_another_cluster_gets_the_token_of_the_shell(calls, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "ab")
    with connected("10.0.0.1:6379") as may_grow:
        assert may_grow
    assert calls.seen == {
        "RAY_AUTH_MODE": None,
        "RAY_AUTH_TOKEN": "ab",
        "RAY_ENABLE_AUTO_CONNECT": "0",
    }


def test_signals_are_still_those_of_the_command(calls):
    before = signal.getsignal(signal.SIGTERM)
    with connected(None):
        assert signal.getsignal(signal.SIGTERM) is before


REFUSALS = [
    pytest.param(None, ConnectionError("No."), r"There is no Ray on this machine: No\.", id="here"),
    pytest.param("a:1", ValueError("No."), r"There is no Ray at a:1: No\.", id="nobody there"),
    pytest.param(
        "a:1",
        ray.exceptions.AuthenticationError("Token is wrong."),
        r"The Ray at a:1 wants its token, .* `ray get-auth-token` .* RAY_AUTH_MODE=token",
        id="token",
    ),
]


@pytest.mark.parametrize(("address", "error", "sentence"), REFUSALS)
def test_refusals_are_sentences(calls, address, error, sentence):
    calls.error = error
    with pytest.raises(ClientError, match=sentence), connected(address):
        pass
    assert calls.ended == 1


@pytest.mark.parametrize("listens", [True, False])
def test_a_cluster_that_does_not_take_this_shell_is_none_that_is_not_there(calls, listens):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if not listens:
            server.close()
        calls.error = ConnectionError(f"Failed to connect to Ray cluster at {address}")
        expected = "wants its token" if listens else "There is no Ray at"
        with pytest.raises(ClientError, match=expected), connected(address):
            pass


@pytest.fixture
def room(monkeypatch) -> None:
    """Sixteen CPUs and no GPU, of which other jobs have taken twelve."""
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 16.0})
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": 4.0})


POOLS = [
    pytest.param(None, 2.0, None, Pool(2, 8, 2.0, 0.0), id="what is free, and may be later"),
    pytest.param(None, 8.0, None, Pool(1, 2, 8.0, 0.0), id="nothing is free"),
    pytest.param((3, 5), 1.0, 1.0, Pool(3, 5, 1.0, 1.0), id="nodes with GPUs may join"),
]


@pytest.mark.parametrize(("workers", "cpus", "gpus", "expected"), POOLS)
def test_workers(room, workers, cpus, gpus, expected):
    assert pool_for(workers, cpus=cpus, gpus=gpus, may_grow=True) == expected


def test_a_cluster_of_its_own_is_all_free(room):
    assert pool_for(None, cpus=2.0, gpus=None, may_grow=False) == Pool(8, 8, 2.0, 0.0)


def test_no_room_and_none_to_come(room):
    with pytest.raises(ClientError, match="20 workers would reserve 20 CPU, here is 16 CPU and 0"):
        pool_for((20, 20), cpus=1.0, gpus=None, may_grow=False)


def test_waiting_for_room(room):
    pool = Pool(3, 5, 1.0, 1.0)
    assert wanting_room(pool, started=1) == (
        "Waiting for room: 2 workers pending, of 3 to 5 workers with 1 CPU and 1 GPU each; the "
        "cluster has 16 CPU and 0 GPU, of which 4 CPU and 0 GPU are free."
    )
    assert wanting_room(pool, started=3) == ""
