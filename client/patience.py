"""Which requests are worth repeating, and for how long."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import requests

from client.errors import ClientError, RequestRefused, ServerUnreachable

T = TypeVar("T")

_BUSY_OR_RESTARTING = (408, 429, 502, 503, 504)
"""A proxy that limits requests per second answers 429."""
_WORKER_ENDED = (500, 507)
_HANDLERS_OWN = ("InternalError", "OutOfMemory")
"""Types of 500 and 507 that speak of the image, and would come again."""

_GLANCE_S = 0.1


@dataclass(frozen=True)
class Patience:
    """How long to repeat a request that a busy or restarting server did not answer.

    A prediction changes nothing on the server, so it may be asked for again, whatever became of the
    first request.

    Attributes:
        total_s: After so many seconds the last error is the answer; 0 asks once.
        first_pause_s: Before the second attempt; each pause is twice as long as the one before.
        longest_pause_s: Where the pauses stop to grow.
        worker_ends: So many times a request is repeated whose worker ended or took longer than the
            time-out: the image itself may be the reason. A worker that ends takes its whole batch
            along, so such requests are repeated one after the other among all that share this
            object: an image that does it would meet the same others in the next batch.
    """

    total_s: float = 60.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    worker_ends: int = 1
    _suspects: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def call(self, ask: Callable[[], T], *, stopped: Callable[[], bool] = lambda: False) -> T:
        """Ask until there is an answer, an error that would come again, or no time left.

        Args:
            ask: Sends the request.
            stopped: Says whether nobody waits for the answer any more.

        Raises:
            ClientError: The last one that `ask` raised.
        """
        start = time.monotonic()
        pause_s = self.first_pause_s
        worker_ends = 0
        suspected: ClientError | None = None
        while True:
            try:
                if suspected is None:
                    return ask()
                waits_since = time.monotonic()
                with self._suspects:
                    start += time.monotonic() - waits_since  # others' time is not the server's
                    if stopped():
                        raise suspected
                    return ask()
            except ClientError as error:
                passed_s = time.monotonic() - start
                if may_be_the_image(error):
                    worker_ends, suspected = worker_ends + 1, error
                    again = worker_ends <= self.worker_ends
                else:
                    again = is_absence(error)
                if stopped() or not again or passed_s + pause_s > self.total_s:
                    raise
            _pause(pause_s, stopped)
            pause_s = min(2 * pause_s, self.longest_pause_s)


def is_absence(error: ClientError) -> bool:
    """Whether the server is away or busy, as far as one request can tell."""
    if isinstance(error, RequestRefused):
        return error.status in _BUSY_OR_RESTARTING
    return isinstance(error, ServerUnreachable)


def may_be_the_image(error: ClientError) -> bool:
    """Whether the request reached a worker, which ended or was not done in time."""
    if isinstance(error, RequestRefused):
        return error.status in _WORKER_ENDED and error.type not in _HANDLERS_OWN
    return isinstance(error.__cause__, requests.exceptions.ReadTimeout)


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stopped() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _GLANCE_S))
