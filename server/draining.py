"""Lets a server answer what it was sent before it is stopped: TorchServe itself drops it."""

import socket
import threading
import time
from collections.abc import Callable

import requests

from client.errors import ClientError
from client.management import ServedVersion
from client.models.draining import drain
from server.errors import ServerError
from server.properties import addresses
from server.torchserve import TorchServe
from server.unsent import unsent_answers

Say = Callable[[str], None]

_ARRIVALS = "ts_inference_requests_total"
_CONNECT_S = 5.0
_METRICS_TIMEOUT_S = 5.0
_POLL_S = 0.1


def answer_what_has_arrived(server: TorchServe, *, timeout_s: float, say: Say) -> None:
    """Wait until a server has answered everything; it takes requests meanwhile, and is not ready.

    Whoever sends to it learns from `python -m client ready` that it goes, and may need a moment to
    act on that. So it is waited for as long as requests come, and for the seconds between two looks
    at the server in which none has come.

    Args:
        server: A server inside its `with` block.
        timeout_s: Longest wait, whatever becomes of the server meanwhile.
        say: Gets a sentence where the server does not count what comes.

    Raises:
        ServerError: There may be requests without an answer; what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    server.stop_being_ready()
    rounds = _Rounds(server, deadline, say)
    rounds.start()
    while rounds.is_alive() and time.monotonic() < deadline:
        if server.has_ended(within_s=_POLL_S):
            raise ServerError("Requests may have no answer: TorchServe ended by itself.")
    if not rounds.done:
        raise ServerError(
            "Stopped with requests that may have no answer: "
            f"{rounds.missing} after {timeout_s:g} s."
        )


class _Rounds(threading.Thread):
    """Looks at every version of every model again and again, until nothing has come in between.

    A thread, because a server that hangs lets each question wait for its time-out; a daemon,
    because nobody waits for it then.

    Attributes:
        done: Whether everything is answered.
        missing: What it still waits for, as a clause.
    """

    def __init__(self, server: TorchServe, deadline: float, say: Say) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._deadline = deadline
        self._say = say
        self.done = False
        self.missing = "not all workers were done"

    def run(self) -> None:
        # TorchServe opens its ports when it has gone through all archives.
        self.done = not _listens(self._server, "inference_address")
        while not self.done and time.monotonic() < self._deadline:
            try:
                self.done = self._round()
            except ClientError:  # a version was unregistered meanwhile, or it is too busy to say
                time.sleep(_POLL_S)

    def _round(self) -> bool:
        """Whether everything is answered, and nothing has come meanwhile."""
        before = requests_received(self._server)
        if not self._drain(_versions(self._server)):
            return False
        self._wait_for_clients()
        if requests_received(self._server) != before:
            self.missing = "requests went on coming"
            return False
        if before is None:
            self._say(
                "This server does not count its requests (metrics_mode=prometheus lets it): what "
                "came after the signal may have no answer."
            )
        return True

    def _drain(self, versions: list[ServedVersion]) -> bool:
        drains = [_Drain(self._server, version, self._deadline) for version in versions]
        for one in drains:
            one.start()
        for one in drains:
            one.join()
        return all(one.done for one in drains)

    def _wait_for_clients(self) -> None:
        """Wait until they have taken their answers: the rest of one ends with the server."""
        listeners = addresses(self._server.properties)
        ports = {listeners[key][1] for key in ("inference_address", "grpc_inference_port")}
        time.sleep(_POLL_S)  # between a worker's answer and the first byte of it that is written
        while unsent_answers(ports):
            self.missing = "not all clients had taken their answers"
            time.sleep(_POLL_S)


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


def _listens(server: TorchServe, key: str) -> bool:
    """Whether somebody takes connections at an address, be it too busy to take one now."""
    try:
        with socket.create_connection(addresses(server.properties)[key], _CONNECT_S):
            return True
    except ConnectionRefusedError:
        return False
    except OSError:
        return True


def _versions(server: TorchServe) -> list[ServedVersion]:
    management = server.management
    return [one for model in management.models() for one in management.versions(model)]


def requests_received(server: TorchServe) -> float | None:
    """How many requests have come since the start; TorchServe counts each before its queue.

    Returns:
        Their number; None where the server does not count them: its metrics go into logs alone, are
        others, or are switched off.

    Raises:
        ClientError: It may count them, and does not say now.
    """
    if not _listens(server, "metrics_address"):
        return None
    with requests.Session() as session:
        session.trust_env = False  # it is on this machine: no proxy of the environment is asked
        try:
            answer = session.get(
                f"{server.properties['metrics_address']}/metrics", timeout=_METRICS_TIMEOUT_S
            )
        except requests.RequestException as error:
            raise ClientError(f"No answer about metrics: {error}") from error
    lines = answer.text.splitlines()
    if not answer.ok or f"# TYPE {_ARRIVALS} counter" not in lines:
        return None
    return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith(_ARRIVALS))
