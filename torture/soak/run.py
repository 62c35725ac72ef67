"""Measures what the server can answer, asks for 70 % of it for a long time, and looks at memory."""

import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from torture.account import account
from torture.environment import environment as found_on
from torture.errors import TortureError
from torture.fault import unmet
from torture.load import OK, Outcome, send
from torture.material.photographs import mixed_sizes
from torture.memory import own_mb, resident_mb
from torture.place import SHIPPED, Place, Say
from torture.run import SCHEMA, Row
from torture.served import Served
from torture.soak.pace import paced, rate_of

SHARE = 0.7
MOST_GROWTH = 0.05
_SATURATION_S = 30.0
_LEAST_PERIOD_S, _SAMPLES = 1.0, 240
_WARM_UP = 0.15  # of the whole
_COMPARED = 0.1  # of the samples, at either end


def soak(*, archive: Path, seconds: float, environment: Mapping[str, str], say: Say) -> Row:
    """Run it.

    Args:
        archive: Of the coins model.
        seconds: How long the load goes on.
        environment: Variables that the server gets besides its own.
        say: Gets a line now and then.

    Returns:
        JSON values: `samples` over time, `memory` after the warm-up and at the end, `broken`.
    """
    found = found_on()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        place = Place(folder=Path(folder), archive=archive, quick=False, say=say)
        served = Served(
            store=place.store(SHIPPED), folder=place.folder / "soak", environment=environment
        )
        with served:
            served.start()
            served.wait_until_ready()
            return {
                "schema": SCHEMA,
                "name": "soak",
                "environment": found,
                "server_environment": dict(environment),
                **_measure(served, seconds, say),
            }


def _measure(served: Served, seconds: float, say: Say) -> dict[str, Any]:
    images = mixed_sizes()
    first = [send(served.url, served.token, image) for image in images]
    if any(one.status != OK for one in first):
        raise TortureError(f"No answer to begin with: {first}")
    expected = [one.document for one in first]
    say("measuring what the server can answer")
    most = rate_of(served, images, seconds=min(_SATURATION_S, seconds / 4))
    rate = SHARE * most
    say(
        f"{most:.1f} answers a second at most; {rate:.1f} are asked for, for {seconds / 60:.0f} min"
    )
    worker = served.worker()
    watch = _Watch(served, worker, max(seconds / _SAMPLES, _LEAST_PERIOD_S), say)
    watch.start()
    try:
        paced(served, images, rate=rate, seconds=seconds, tell=watch.outcomes.append)
    finally:
        watch.end()
    seen = account(watch.outcomes, expected)
    memory = memory_over_time(watch.samples, seconds)
    return {
        "seconds": seconds,
        "images": len(images),
        "saturation_per_s": round(most, 2),
        "rate_per_s": round(rate, 2),
        "account": seen.as_dict(),
        "latency_s": _quantiles(watch.outcomes),
        "memory": memory,
        "samples": watch.samples,
        "broken": list(
            unmet(
                {
                    "no request is lost": seen.lost == 0,
                    "every body is well formed": seen.malformed == 0,
                    "the worker lives": served.worker() == worker,
                    "the worker has at most 5 % more memory at the end than after its warm-up": (
                        memory["growth"] <= MOST_GROWTH
                    ),
                }
            )
        ),
    }


class _Watch(threading.Thread):
    """Looks at the processes now and then."""

    def __init__(self, served: Served, worker: int, period_s: float, say: Say) -> None:
        super().__init__(daemon=True)
        self.outcomes: list[Outcome] = []
        self.samples: list[dict[str, float]] = []
        self._served = served
        self._worker = worker
        self._java = served.java().pid
        self._period_s = period_s
        self._say = say
        self._over = threading.Event()

    def run(self) -> None:
        begin = time.monotonic()
        seen = 0
        while not self._over.wait(self._period_s):
            new = self.outcomes[seen:]
            seen += len(new)
            try:
                self.samples.append(self._sample(time.monotonic() - begin, new))
            except psutil.Error:  # the worker is gone, which is found out at the end
                continue
            if len(self.samples) % 20 == 0:
                last = self.samples[-1]
                self._say(
                    f"{last['at_s']:.0f} s: {seen} answers, worker {last['worker_own_mb']:.0f} MB"
                )

    def end(self) -> None:
        self._over.set()
        self.join()

    def _sample(self, at_s: float, new: Sequence[Outcome]) -> dict[str, float]:
        quantiles = _quantiles(new) if new else {}
        return {
            "at_s": round(at_s, 1),
            "worker_own_mb": round(own_mb(self._worker), 1),
            "worker_resident_mb": round(resident_mb(self._worker), 1),
            "java_resident_mb": round(resident_mb(self._java), 1),
            "worker_threads": psutil.Process(self._worker).num_threads(),
            "worker_files": psutil.Process(self._worker).num_fds(),
            "answers": len(new),
            "failures": sum(one.status != OK for one in new),
            **{f"{name}_s": value for name, value in quantiles.items()},
        }


def memory_over_time(samples: Sequence[Mapping[str, float]], seconds: float) -> dict[str, float]:
    """The worker's own memory after its warm-up and at the end, medians of some samples each.

    Args:
        samples: In their order, with `at_s` and `worker_own_mb`.
        seconds: How long the load was.

    Raises:
        TortureError: Too few samples.
    """
    warm = [one["worker_own_mb"] for one in samples if one["at_s"] > _WARM_UP * seconds]
    count = max(int(_COMPARED * len(samples)), 1)
    if len(warm) < 2 * count:
        raise TortureError(f"{len(samples)} samples say nothing about memory over time.")
    first, last = statistics.median(warm[:count]), statistics.median(warm[-count:])
    return {
        "after_warm_up_mb": first,
        "at_the_end_mb": last,
        "most_mb": max(one["worker_own_mb"] for one in samples),
        "warm_up_s": round(_WARM_UP * seconds, 1),
        "growth": round(last / first - 1, 4),
    }


def _quantiles(outcomes: Sequence[Outcome]) -> dict[str, float]:
    latencies = sorted(one.seconds for one in outcomes)
    return {
        "median": round(statistics.median(latencies), 4),
        "p99": round(latencies[int(0.99 * (len(latencies) - 1))], 4),
        "longest": round(latencies[-1], 4),
    }
