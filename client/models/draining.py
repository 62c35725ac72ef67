"""Wait until a version has answered everything that was sent to it."""

import time
from collections.abc import Callable

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.management import READY, ManagementClient, ServedVersion

_POLL_S = 0.1
_SETTLE_S = 1.0
"""Longer than a request takes from the choice of its version to that version's queue."""

Tick = Callable[[], None]


class NotDrained(ClientError):
    """A version still had work when time ran out."""


def drain(
    management: ManagementClient,
    model: str,
    version: str,
    *,
    timeout_s: float,
    tick: Tick = lambda: None,
) -> None:
    """Wait until a version that is no longer the default has nothing left to answer.

    TorchServe does not say what its workers are at. But a version's queue is answered in its order,
    and a question to the version itself waits in it: whoever answers that has answered all that he
    took before. Our archives say which process answers; where an archive does not, and there are
    several workers, the one way to be sure is to wait as long as TorchServe lets an answer take.

    Args:
        management: Of the server.
        model: Its name.
        version: The version that is to go.
        timeout_s: Longest wait.
        tick: Called now and then.

    Raises:
        NotDrained: Time ran out.
        ClientError: The server does not answer.
    """
    start = time.monotonic()
    time.sleep(_SETTLE_S)
    answered: set[int] = set()
    empty_since: float | None = None
    while True:
        tick()
        served = management.version(model, version)
        now = time.monotonic()
        if served.pending:
            empty_since = None
            answered.clear()
        else:
            empty_since = now if empty_since is None else empty_since
            workers = [worker for worker in served.workers if worker.status == READY]
            if not workers or now - empty_since > served.response_timeout_s:
                return
            answerer = _ask(management, served, timeout_s - (now - start))
            if answerer is not None:
                answered.add(answerer)
            done = {worker.pid for worker in workers} <= answered
            alone = len(served.workers) == 1 and answerer is not None
            if (done or alone) and not management.version(model, version).pending:
                return
        if now - start > timeout_s:
            raise NotDrained(
                f"{model} {version} still has work after {timeout_s:.0f} s "
                f"({served.pending} requests wait in its queue)."
            )
        time.sleep(_POLL_S)


def _ask(management: ManagementClient, served: ServedVersion, timeout_s: float) -> int | None:
    """The process that answers, 0 where it does not say which it is; None where none answers."""
    try:
        said = management.ask_itself(served.model, served.version, timeout_s=max(timeout_s, 1.0))
    except (RequestRefused, ServerUnreachable):
        return None
    worker = said.get("worker")
    return int(worker.get("pid", 0)) if isinstance(worker, dict) else 0
