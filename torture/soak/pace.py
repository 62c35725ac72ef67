"""Requests at random times, as independent users send them, at a rate that is given."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import requests

from torture.load import Outcome, send
from torture.served import Served
from torture.together import Shared, together

_CLIENTS = 16
_MIXED = 1000  # images after which their order comes again


def rate_of(served: Served, images: Sequence[bytes], *, seconds: float, clients: int = 3) -> float:
    """Answers a second when the server never has to wait for a request.

    Args:
        served: A server that is ready.
        images: Sent in the order in which `paced` sends them.
        seconds: How long.
        clients: Requests under way at once.
    """
    end = time.monotonic() + seconds
    answered: list[Outcome] = []
    numbers = Shared(_order(len(images)))

    def client() -> None:
        with requests.Session() as session:
            for number in numbers:
                if time.monotonic() > end:
                    return
                image = images[number]
                answered.append(send(served.url, served.token, image, post=session.post))

    start = time.monotonic()
    together([client] * clients)
    return len(answered) / (time.monotonic() - start)


def paced(
    served: Served,
    images: Sequence[bytes],
    *,
    rate: float,
    seconds: float,
    tell: Callable[[Outcome], None],
) -> None:
    """Send until time is up; waits that the server causes count from when a request was due.

    Args:
        served: A server that is ready.
        images: Sent in a random order, the same each time.
        rate: Requests a second on average.
        seconds: How long.
        tell: Gets each outcome, from several threads.
    """
    token = served.token
    due = Shared(_schedule(rate, seconds, len(images)))
    start = time.monotonic()

    def client() -> None:
        with requests.Session() as session:
            for offset, number in due:
                time.sleep(max(start + offset - time.monotonic(), 0))
                outcome = send(served.url, token, images[number], image=number, post=session.post)
                late = outcome.start - (start + offset)
                tell(replace(outcome, start=start + offset, seconds=outcome.seconds + late))

    together([client] * _CLIENTS)


def _schedule(rate: float, seconds: float, images: int) -> Iterator[tuple[float, int]]:
    """Offsets with exponential distances, a Poisson process, and the image of each."""
    chance = random.Random(0)
    offset = chance.expovariate(rate)
    for number in _order(images):
        if offset > seconds:
            return
        yield offset, number
        offset += chance.expovariate(rate)


def _order(images: int) -> Iterator[int]:
    chance = random.Random(1)
    order = [number % images for number in range(_MIXED)]
    while True:
        chance.shuffle(order)
        yield from order
