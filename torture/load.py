"""A steady load of real requests, and what became of each."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests

from torture.errors import TortureError

OK = 200
TIMEOUT_S = 60.0
_PAUSE_S = 0.1
"""After a request without an answer: a server that is gone refuses thousands a second."""

_POLL_S = 0.01


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        image: Position of the image that was sent.
        start: When it was sent; seconds of `time.monotonic`.
        seconds: Until it was answered, or given up.
        status: HTTP status, or 0 where there was no answer.
        document: The answer, or what was wrong: a sentence where it was no JSON.
        hung: Whether it had no answer when its time-out came.
    """

    image: int
    start: float
    seconds: float
    status: int
    document: Any
    hung: bool = False

    @property
    def end(self) -> float:
        """When it was answered, or given up."""
        return self.start + self.seconds


class Load:
    """Threads that send images one after another, as long as a `with` block lasts."""

    def __init__(
        self,
        urls: Sequence[str],
        token: str | None,
        images: Sequence[bytes],
        *,
        threads: int,
        own_image: bool = False,
        timeout_s: float = TIMEOUT_S,
        pause_s: float = 0.0,
    ) -> None:
        """Set up.

        Args:
            urls: Of the model, taken in turns: `http://HOST:PORT/predictions/NAME[/VERSION]`.
            token: The inference key, or None.
            images: Encoded files.
            threads: How many requests are under way at once.
            own_image: Whether each thread sends one image alone, so that no two that are under way
                are alike; otherwise each sends all of them in turns.
            timeout_s: Longest wait for an answer.
            pause_s: Of a thread between an answer and its next request.
        """
        if own_image and threads > len(images):
            raise ValueError(f"{threads} threads need as many images, there are {len(images)}.")
        self._urls = urls
        self._token = token
        self._images = images
        self._own_image = own_image
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)
        ]
        self.outcomes: list[Outcome] = []  # appending is atomic

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let each thread wait for its last answer, unless something went wrong already."""
        self._ended.set()
        if exc_type is None:
            for thread in self._threads:
                thread.join()

    def wait_for(self, count: int, *, timeout_s: float = 120.0) -> None:
        """Wait until so many more requests that are sent from now on were answered with 200.

        Raises:
            TortureError: Time ran out.
        """
        begin = time.monotonic()
        seen = len(self.outcomes)
        while count > 0:
            new = self.outcomes[seen:]
            seen += len(new)
            count -= sum(one.status == OK and one.start >= begin for one in new)
            if time.monotonic() - begin > timeout_s:
                raise TortureError(f"No steady answers within {timeout_s:.0f} s.")
            time.sleep(_POLL_S)

    def _run(self, thread: int) -> None:
        with requests.Session() as session:  # connections that stay, as a service's do
            for number in itertools.count():
                if self._ended.is_set():
                    return
                image = (thread if self._own_image else thread + number) % len(self._images)
                outcome = send(
                    self._urls[number % len(self._urls)],
                    self._token,
                    self._images[image],
                    image=image,
                    timeout_s=self._timeout_s,
                    post=session.post,
                )
                self.outcomes.append(outcome)
                if pause_s := self._pause_s if outcome.status else _PAUSE_S:
                    self._ended.wait(pause_s)


def send(
    url: str,
    token: str | None,
    body: bytes,
    *,
    image: int = 0,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    post: Callable[..., requests.Response] = requests.post,
) -> Outcome:
    """Send one image, and see what becomes of it.

    Args:
        url: Of the model.
        token: The inference key, or None.
        body: An encoded file.
        image: Its number, which the outcome carries.
        headers: Besides key and content type.
        timeout_s: Longest wait for an answer.
        post: Of a `requests.Session`, to keep its connection.
    """
    sent = {"Content-Type": "application/octet-stream", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    status, hung = 0, False
    document: Any
    start = time.monotonic()
    try:
        response = post(url, data=body, headers=sent, timeout=timeout_s)
        status = response.status_code
        document = response.json()
    except requests.Timeout as error:
        hung, document = True, repr(error)
    except (requests.RequestException, ValueError) as error:
        document = repr(error)
        # A body that nobody takes ends as a broken connection as well.
        hung = not status and time.monotonic() - start > 0.95 * timeout_s
    return Outcome(image, start, time.monotonic() - start, status, document, hung)
