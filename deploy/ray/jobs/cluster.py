"""The Ray cluster of a job: one that is there, or one on this machine for as long as it takes."""

import contextlib
import logging
import math
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from client.errors import ClientError
from client.wording import many
from deploy.ray.store import CACHE_VARIABLE

_OBJECT_STORE_BYTES = 200 << 20  # numbers of parts and counts alone go through it

_ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    # A call after the end would begin another session, with any cluster of this machine.
    "RAY_ENABLE_AUTO_CONNECT": "0",
}
_PLACE = re.compile(r"Failed to connect to Ray cluster at (\S+):(\d+)")
_CONNECT_S = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Pool:
    """The workers of a job.

    Attributes:
        fewest: Workers from the beginning.
        most: Workers while there is enough to do and room for them.
        cpus: CPUs that a worker reserves, which is the number of its threads.
        gpus: GPUs that it reserves; a part of one where several workers share it.
    """

    fewest: int
    most: int
    cpus: float
    gpus: float

    def __str__(self) -> str:
        """In words."""
        workers = many(self.most, "worker")
        if self.fewest < self.most:
            workers = f"{self.fewest} to {workers}"
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return f"{workers} with {self.cpus:g} CPU{gpus} each"

    @property
    def device(self) -> str:
        """Where a worker computes; Ray shows it no GPU but its own."""
        return "cuda:0" if self.gpus else "cpu"


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[bool]:
    """Be a driver of a cluster; its tasks and actors end with the block.

    Gives whether nodes may join it: not where it was started here.

    Args:
        address: As `ray start` prints it, or `auto`; None starts one on this machine, unless the
            variable `RAY_ADDRESS` names one.

    Raises:
        ClientError: It cannot be reached or started.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    variables = dict(_ALWAYS)
    if address == "local":  # a token of its own: Ray would write one that other commands then use
        variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with _environment(variables), _begun(address):
        yield address != "local"


@contextlib.contextmanager
def _begun(address: str) -> Iterator[None]:
    import ray

    options: dict[str, Any] = {"logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    if CACHE_VARIABLE in os.environ:
        options["runtime_env"] = {"env_vars": {CACHE_VARIABLE: os.environ[CACHE_VARIABLE]}}
    with _signals_kept():
        try:
            ray.init(address=address, **options)
        except Exception as error:  # Ray's own are of many kinds
            ray.shutdown()
            raise ClientError(_refusal(address, error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _refusal(address: str, error: Exception) -> str:
    if address == "local":
        return f"There is no Ray on this machine: {error}"
    if type(error).__name__ == "AuthenticationError" or _takes_connections(str(error)):
        return (
            f"The Ray at {address} wants its token, and this shell has another one or none. "
            "`ray get-auth-token` prints it on a node that has it; here it is taken from "
            "RAY_AUTH_TOKEN, together with RAY_AUTH_MODE=token."
        )
    return f"There is no Ray at {address}: {error}"


def _takes_connections(said: str) -> bool:
    """Whether somebody is where Ray says that it cannot connect to, without a reason."""
    found = _PLACE.search(said)
    if found is None:
        return False
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have variables of the environment for as long as the block takes."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Take back what Ray takes: its own handler of SIGTERM exits without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def pool_for(
    workers: tuple[int, int] | None, *, cpus: float, gpus: float | None, may_grow: bool
) -> Pool:
    """The workers of a job in the cluster that this process is connected to.

    Args:
        workers: Fewest and most; None is as many as there is room for now, and in all.
        cpus: CPUs of each.
        gpus: GPUs of each; None is one where the cluster has any, else none.
        may_grow: Whether nodes may join the cluster while it waits.

    Raises:
        ClientError: There is no room for the fewest, and nodes do not join.
    """
    import ray

    there = ray.cluster_resources()
    free = ray.available_resources() if may_grow else there  # nobody else is in one of its own
    if gpus is None:
        gpus = 1.0 if there.get("GPU") else 0.0
    needs = {"CPU": cpus, "GPU": gpus}
    fitting = _fitting(there, needs)
    fewest, most = workers or (max(_fitting(free, needs), 1), max(fitting, 1))
    if fewest > fitting and not may_grow:
        needed = " and ".join(f"{fewest * need:g} {kind}" for kind, need in needs.items() if need)
        raise ClientError(
            f"{many(fewest, 'worker')} would reserve {needed}, here is {_said(there)}."
        )
    return Pool(fewest, most, cpus, gpus)


def wanting_room(pool: Pool, started: int) -> str:
    """What to say while workers wait for nodes, or for other jobs to end; else the empty text.

    Args:
        pool: The workers.
        started: How many of them have begun.
    """
    import ray

    pending = pool.fewest - started
    if pending <= 0:
        return ""
    return (
        f"Waiting for room: {many(pending, 'worker')} pending, of {pool}; the cluster has "
        f"{_said(ray.cluster_resources())}, of which {_said(ray.available_resources())} are free."
    )


def _fitting(room: Mapping[str, float], needs: Mapping[str, float]) -> int:
    return min(math.floor(room.get(kind, 0.0) / need) for kind, need in needs.items() if need)


def _said(room: Mapping[str, float]) -> str:
    return " and ".join(f"{room.get(kind, 0.0):g} {kind}" for kind in ("CPU", "GPU"))
