"""A steady load of real requests, and what became of each."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        image: Position of the image that was sent.
        start: When it was sent; seconds of `time.monotonic`.
        seconds: Until it was answered, or given up.
        status: HTTP status, or 0 where there was no answer.
        document: The answer, or what was wrong.
    """

    image: int
    start: float
    seconds: float
    status: int
    document: Any


class Load:
    """Threads that send images one after another, as long as a `with` block lasts."""

    def __init__(
        self, url: str, token: str | None, images: Sequence[bytes], *, threads: int
    ) -> None:
        """Set up.

        Args:
            url: Of the model: `http://HOST:PORT/predictions/NAME`.
            token: The inference key, or None.
            images: Encoded files.
            threads: How many requests are under way at once.
        """
        self._url = url
        self._headers = {"Content-Type": "application/octet-stream"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._images = images
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]
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
        """Let each thread wait for its last answer."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        with requests.Session() as session:  # connections that stay, as a service's do
            while not self._ended.is_set():
                number += 1
                self.outcomes.append(self._send(session, number % len(self._images)))

    def _send(self, session: requests.Session, image: int) -> Outcome:
        start = time.monotonic()
        try:
            response = session.post(
                self._url, data=self._images[image], headers=self._headers, timeout=_TIMEOUT_S
            )
            status, document = response.status_code, response.json()
        except (requests.RequestException, ValueError) as error:
            status, document = 0, repr(error)
        return Outcome(image, start, time.monotonic() - start, status, document)
