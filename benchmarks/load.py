"""Two ways to ask: closed loops for throughput, open ones for the tail of the latency.

In a closed loop each of a number of clients sends its next request when it has its answer. When the
server stalls it sends nothing, so that the stall shows in one latency alone. An open loop sends at
times that were drawn before, whatever comes back, and counts from those times.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.replies import OK, Ask, Reply

IsGood = Callable[[int, bytes], bool]


@dataclass(frozen=True)
class Answered:
    """One request.

    Attributes:
        index: Number of the image.
        start: When it was sent, or was to be sent; seconds of `time.perf_counter`.
        end: When the answer was there, read whole.
        reply: The answer, without its body; None where there was none.
        size: Of the body, in bytes.
        problem: What was wrong with the answer, or nothing.
    """

    index: int
    start: float
    end: float
    reply: Reply | None
    size: int
    problem: str

    @property
    def latency_ms(self) -> float:
        """From `start` to `end`."""
        return (self.end - self.start) * 1000


@dataclass(frozen=True)
class Load:
    """What a loop measured.

    Attributes:
        answered: The requests that count, in the order in which they were answered.
        seconds: That all of them took together.
        client_cpu: Share of one core that the client took meanwhile.
        problems: Of all requests, those that do not count included.
    """

    answered: list[Answered]
    seconds: float
    client_cpu: float
    problems: list[str]


async def closed_loop(
    ask: Ask, indices: Sequence[int], is_good: IsGood, *, concurrency: int
) -> Load:
    """Keep so many requests under way until every image was asked about once.

    With more than one under way, the clock starts with the answer after which the server has been
    busy for a while, and requests go on being sent until it stops: neither the first nor the last
    of them finds the server idle. The images are asked about in turns, so that as many answers as
    there are images are one for each of them, or nearly so.

    Args:
        ask: Sends a request.
        indices: Numbers of the images.
        is_good: Says whether an answer is right.
        concurrency: Requests under way.
    """
    lead = concurrency if concurrency > 1 else 0
    wanted = lead + len(indices)
    turns = itertools.cycle(indices)
    answered: list[Answered] = []

    async def client() -> None:
        while len(answered) < wanted:
            answered.append(await _one(ask, next(turns), is_good))

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(concurrency)))
    passed, spent = time.perf_counter() - start, time.process_time() - cpu
    counted = answered[lead:wanted]
    begin = answered[lead - 1].end if lead else start
    return Load(counted, counted[-1].end - begin, spent / passed, _problems(answered))


def schedule(*, rate: float, count: int, seed: int = 0) -> list[float]:
    """When an open loop sends, in seconds from its start; the same for the same seed.

    Args:
        rate: Requests a second, on average: their distances are exponential, a Poisson process.
        count: How many.
        seed: Of the times.
    """
    distances = np.random.default_rng(seed).exponential(1 / rate, count)
    return [float(offset) for offset in np.cumsum(distances)]


async def open_loop(
    ask: Ask, indices: Sequence[int], is_good: IsGood, *, offsets: Sequence[float]
) -> Load:
    """Send requests at random times, as independent users do.

    Args:
        ask: Sends a request; as many are under way as come to be.
        indices: Numbers of the images, asked about in turns.
        is_good: Says whether an answer is right.
        offsets: See `schedule`.
    """
    turns = itertools.cycle(indices)
    start, cpu = time.perf_counter(), time.process_time()
    tasks = []
    for offset in offsets:
        scheduled = start + offset
        await asyncio.sleep(max(scheduled - time.perf_counter(), 0.0))
        tasks.append(asyncio.create_task(_one(ask, next(turns), is_good, start=scheduled)))
    answered = sorted(await asyncio.gather(*tasks), key=lambda one: one.end)
    passed, spent = time.perf_counter() - start, time.process_time() - cpu
    seconds = answered[-1].end - start
    return Load(answered, seconds, spent / passed, _problems(answered))


async def _one(ask: Ask, index: int, is_good: IsGood, *, start: float | None = None) -> Answered:
    start = time.perf_counter() if start is None else start
    try:
        reply = await ask(index)
    except (OSError, EOFError) as error:
        return Answered(index, start, time.perf_counter(), None, 0, f"no answer: {error!r}")
    end = time.perf_counter()
    problem = ""
    if reply.status != OK:
        problem = f"status {reply.status}: {reply.body[:200].decode('utf-8', 'replace')}"
    elif not is_good(index, reply.body):
        problem = "not what Detectron2 says"
    without_body = Reply(reply.status, b"", reply.headers)
    return Answered(index, start, end, without_body, len(reply.body), problem)


def _problems(answered: Sequence[Answered]) -> list[str]:
    return [one.problem for one in answered if one.problem]
