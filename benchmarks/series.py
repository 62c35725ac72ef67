"""One row of measurements: an arm under one kind of load, round after round."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from benchmarks.arms.predictors import Run
from benchmarks.checking import Checker, Checks
from benchmarks.load import IsGood, Load, closed_loop, open_loop
from benchmarks.replies import Ask

Asking = Callable[[], AbstractAsyncContextManager[Ask]]


@dataclass(frozen=True)
class Measurement:
    """One series in one round.

    Attributes:
        indices: Numbers of the images, in the order in which they were answered.
        seconds: For all of them together.
        latencies_ms: Of each.
        stages_ms: Of each, by stage, where the arm says.
        sizes: Of each answer, in bytes; empty where there is no body.
        failures: How many were no answer, or not the right one.
        client_cpu: Share of one core that sending and checking took; 0 in this process.
        problems: Some of the failures in words.
    """

    indices: list[int]
    seconds: float
    latencies_ms: list[float]
    stages_ms: dict[str, list[float]]
    sizes: list[int]
    failures: int
    client_cpu: float
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, times in whole microseconds."""
        return {
            "indices": self.indices,
            "seconds": round(self.seconds, 6),
            "latencies_ms": [round(value, 3) for value in self.latencies_ms],
            "stages_ms": {k: [round(v, 3) for v in row] for k, row in self.stages_ms.items()},
            "sizes": self.sizes,
            "failures": self.failures,
            "client_cpu": round(self.client_cpu, 4),
            "problems": self.problems,
        }


@dataclass(frozen=True)
class Series:
    """What takes its turn in every round.

    Attributes:
        name: Of the series, such as `S1 busy`.
        arm: Name among `options.ARMS`.
        indices: Numbers of the images that it is asked about.
        requests: How many of them in one round.
        concurrency: Requests under way.
        checker: Looks at its answers.
        measure: Asks about images.
        warm_passes: How often every image is sent before the clock runs.
    """

    name: str
    arm: str
    indices: Sequence[int]
    requests: int
    concurrency: int
    checker: Checks
    measure: Callable[[Sequence[int]], Measurement]
    warm_passes: int

    def turn(self, number: int) -> Measurement:
        """Measure one round: the next images of the row, from the front again after the last."""
        start = number * self.requests
        count = len(self.indices)
        return self.measure([self.indices[(start + k) % count] for k in range(self.requests)])


def in_process(run: Run, checker: Checker[Any]) -> Callable[[Sequence[int]], Measurement]:
    """One image after the other in this process; answers are checked while the clock stands."""

    def measure(indices: Sequence[int]) -> Measurement:
        latencies, rows, sizes, failures = [], [], [], 0
        for index in indices:
            start = time.perf_counter()
            answer, stages = run(index)
            latencies.append((time.perf_counter() - start) * 1000)
            rows.append(stages)
            if isinstance(answer, bytes):
                sizes.append(len(answer))
            failures += not checker.is_good(index, answer)
        return Measurement(
            list(indices),
            sum(latencies) / 1000,
            latencies,
            _by_stage(rows),
            sizes,
            failures,
            0.0,
            [],
        )

    return measure


def served(
    asking: Asking, is_good: IsGood, *, concurrency: int
) -> Callable[[Sequence[int]], Measurement]:
    """A closed loop against a server."""

    async def go(indices: Sequence[int]) -> Measurement:
        async with asking() as ask:
            return from_load(await closed_loop(ask, indices, is_good, concurrency=concurrency))

    return lambda indices: asyncio.run(go(indices))


def open_served(
    asking: Asking, is_good: IsGood, indices: Sequence[int], *, offsets: Sequence[float]
) -> Measurement:
    """An open loop against a server."""

    async def go() -> Measurement:
        async with asking() as ask:
            return from_load(await open_loop(ask, indices, is_good, offsets=offsets))

    return asyncio.run(go())


def from_load(load: Load) -> Measurement:
    """What of a load is kept."""
    return Measurement(
        [one.index for one in load.answered],
        load.seconds,
        [one.latency_ms for one in load.answered],
        _by_stage([one.reply.stages_ms if one.reply else {} for one in load.answered]),
        [one.size for one in load.answered],
        sum(bool(one.problem) for one in load.answered),
        load.client_cpu,
        load.problems[:5],
    )


def _by_stage(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, 0.0) for row in rows] for name in names}
