"""Lets a server answer what it was sent before it is stopped: TorchServe itself drops it."""

import socket
import threading
import time

import requests

from client.errors import ClientError
from client.management import ServedVersion
from client.models.draining import drain
from server.properties import addresses
from server.torchserve import TorchServe

_ARRIVALS = "ts_inference_requests_total"
_CONNECT_S = 5.0
_METRICS_TIMEOUT_S = 5.0
_POLL_S = 0.1


def answer_what_has_arrived(server: TorchServe, *, timeout_s: float) -> bool:
    """Wait until a server has answered everything; it takes requests meanwhile, and is not ready.

    Whoever sends to it learns from `python -m client ready` that it goes, and may need a moment to
    act on that. So it is waited for as long as requests come, and for the seconds between two looks
    at the server in which none has come.

    Args:
        server: A server inside its `with` block.
        timeout_s: Longest wait, whatever becomes of the server meanwhile.

    Returns:
        Whether everything is answered.
    """
    deadline = time.monotonic() + timeout_s
    server.stop_being_ready()
    rounds = _Rounds(server, deadline)
    rounds.start()
    while rounds.is_alive() and time.monotonic() < deadline:
        if server.has_ended(within_s=_POLL_S):
            break
    return rounds.done


class _Rounds(threading.Thread):
    """Looks at every version of every model again and again, until nothing has come in between.

    A thread, because a server that hangs lets each question wait for its time-out; a daemon,
    because nobody waits for it then.
    """

    def __init__(self, server: TorchServe, deadline: float) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._deadline = deadline
        self.done = False

    def run(self) -> None:
        self.done = not _takes_requests(self._server)
        while not self.done and time.monotonic() < self._deadline:
            arrivals = _arrivals(self._server)
            try:
                versions = _versions(self._server)
            except ClientError:  # a version was unregistered while it was looked at
                time.sleep(_POLL_S)
                continue
            self.done = self._drain(versions) and _arrivals(self._server) == arrivals

    def _drain(self, versions: list[ServedVersion]) -> bool:
        drains = [_Drain(self._server, version, self._deadline) for version in versions]
        for one in drains:
            one.start()
        for one in drains:
            one.join()
        return all(one.done for one in drains)


class _Drain(threading.Thread):
    """Waits for one version."""

    def __init__(self, server: TorchServe, version: ServedVersion, deadline: float) -> None:
        super().__init__(daemon=True)
        self._management = server.management
        self._version = version
        self._deadline = deadline
        self.done = False

    def run(self) -> None:
        try:
            drain(
                self._management,
                self._version.model,
                self._version.version,
                timeout_s=self._deadline - time.monotonic(),
            )
        except ClientError:
            return  # out of time, or gone
        self.done = True


def _takes_requests(server: TorchServe) -> bool:
    """TorchServe opens its ports when it has gone through all archives."""
    try:
        with socket.create_connection(
            addresses(server.properties)["inference_address"], _CONNECT_S
        ):
            return True
    except OSError:
        return False


def _versions(server: TorchServe) -> list[ServedVersion]:
    management = server.management
    return [one for model in management.models() for one in management.versions(model)]


def _arrivals(server: TorchServe) -> float | None:
    """How many requests have come since the start; None where the server does not count them.

    TorchServe counts a request before its queue, and no question about models.
    """
    try:
        answer = requests.get(
            f"{server.properties['metrics_address']}/metrics",
            params={"name[]": _ARRIVALS},
            timeout=_METRICS_TIMEOUT_S,
        )
    except requests.RequestException:
        return None
    lines = (line for line in answer.text.splitlines() if line.startswith(_ARRIVALS))
    return sum(float(line.rpartition(" ")[2]) for line in lines)
