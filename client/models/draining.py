"""Wait until a version has answered everything that was sent to it."""

import time
from collections.abc import Callable

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.management import READY, ManagementClient, ServedVersion

_POLL_S = 0.1
_SETTLE_S = 1.0
"""Longer than a request takes from the choice of its version to that version's queue."""

_TRIES = 2
"""A question that nobody answers in time is sent once more: `client.http` does so with each GET."""
_SHORTEST_S = 0.5

Tick = Callable[[], None]
Arrivals = Callable[[], float | None]
"""How many requests have named the version so far; None where nobody knows."""


class NotDrained(ClientError):
    """A version was still in use when time ran out."""


def drain(
    management: ManagementClient,
    model: str,
    version: str,
    *,
    timeout_s: float,
    tick: Tick = lambda: None,
    arrivals: Arrivals = lambda: None,
    quiet_s: float = 0.0,
) -> bool:
    """Wait until a version that is no longer the default has nothing left to answer.

    TorchServe does not say what its workers are at. But a version's queue is answered in its order,
    and a question to the version itself waits in it: whoever answers that has answered all that he
    took before. Our archives say which process answers; where an archive does not, and there are
    several workers, the one way to be sure is to wait as long as TorchServe lets an answer take.

    Requests that name the version may come meanwhile. Whenever one has, everything is waited for
    anew, so that on return none has come since the workers were asked.

    Args:
        management: Of the server.
        model: Its name.
        version: The version that is to go.
        timeout_s: Longest wait.
        tick: Called now and then.
        arrivals: Counts the requests that name the version; without it they are not looked at.
        quiet_s: Least time, up to the return, in which none of them may have come.

    Returns:
        Whether they were counted up to the return; else one may have come that was not seen.

    Raises:
        NotDrained: Time ran out.
        ClientError: The server does not answer.
    """
    start = quiet_since = time.monotonic()
    first = named = arrivals()
    time.sleep(_SETTLE_S)
    answered: set[int] = set()
    empty_since: float | None = None
    while True:
        tick()
        found = arrivals()
        served = management.version(model, version)
        now = time.monotonic()
        if found != named:
            named, quiet_since = found, now
            empty_since = None
            answered.clear()
        if served.pending:
            empty_since = None
            answered.clear()
        else:
            empty_since = now if empty_since is None else empty_since
            workers = [worker for worker in served.workers if worker.status == READY]
            done = not workers or now - empty_since > served.response_timeout_s
            if not done:
                answerer = _ask(management, served, timeout_s - (now - start))
                if answerer is not None:
                    answered.add(answerer)
                done = {worker.pid for worker in workers} <= answered or (
                    len(served.workers) == 1 and bool(answered)
                )
            # The last look is at arrivals: what comes after it is the one thing that may be lost.
            if (
                done
                and time.monotonic() - quiet_since >= quiet_s
                and not management.version(model, version).pending
                and arrivals() == named
            ):
                return named is not None
        if time.monotonic() - start > timeout_s:
            meanwhile = (named or 0) - (first or 0)
            raise NotDrained(
                f"{model} {version} is still in use after {timeout_s:.0f} s: {served.pending} "
                f"requests wait in its queue"
                + (f", and {meanwhile:.0f} have named it meanwhile." if meanwhile > 0 else ".")
            )
        time.sleep(_POLL_S)


def _ask(management: ManagementClient, served: ServedVersion, timeout_s: float) -> int | None:
    """The process that answers, 0 where it does not say which it is; None where none answers."""
    each_s = max(timeout_s / _TRIES, _SHORTEST_S)
    try:
        said = management.ask_itself(served.model, served.version, timeout_s=each_s)
    except (RequestRefused, ServerUnreachable):
        return None
    worker = said.get("worker")
    return int(worker.get("pid", 0)) if isinstance(worker, dict) else 0
