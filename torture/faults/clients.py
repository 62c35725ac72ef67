"""Clients that hang up in the middle, and clients that send one byte a second."""

import json
import statistics
import time
from functools import partial
from typing import Any

import requests

from torture.account import account
from torture.connections import drip, hang_up
from torture.fault import Finding, unmet
from torture.load import OK, Outcome
from torture.memory import MEGABYTE
from torture.place import SHIPPED, Place, Scene
from torture.together import together

_ANSWERED = "detectron2_requests_total"
_DONE_A_SECOND = 5
_WAIT_S = 0.2
"""As often as the server can answer: it computes for those who are gone as well."""


def gone(place: Place) -> Finding:
    """Connections that are closed or broken off, in the middle of the body or while they wait."""
    scene = place.scene(SHIPPED)
    count = place.pick(20, 200)
    worker = scene.served.worker()
    before = _answered_by_workers(scene)
    with scene.load() as load:
        load.wait_for(6)
        for number in range(count):
            hang_up(
                scene.served,
                scene.images[number % len(scene.images)],
                part=(0.5, 1.0)[number % 2],
                wait_s=_WAIT_S,
                reset=number % 4 < 2,
            )
        load.wait_for(6)
    pending = _pending_after(scene)
    seen = account(load.outcomes, scene.expected)
    in_vain = _answered_by_workers(scene) - before - seen.requests
    return Finding(
        saw=f"the others: {seen.said}. {in_vain} answers were computed in vain, for the "
        f"{count // 2} who had sent everything",
        returned="was never away",
        lost=f"nothing but the {count} answers that nobody waited for",
        figures={
            "account": seen.as_dict(),
            "hung_up": count,
            "in_vain": in_vain,
            "pending_after": pending,
        },
        broken=unmet(
            {
                "the others get right answers": seen.lost == 0,
                "the worker lives": scene.served.worker() == worker,
                "nothing stays in the queue": pending == 0,
            }
        ),
    )


def slow(place: Place) -> Finding:
    """Hundreds of requests whose last bytes come one a second, beside a load of quick ones."""
    scene = place.scene(SHIPPED)
    count, seconds = place.pick((30, 3), (200, 20))
    java = scene.served.java()
    before_mb = java.memory_info().rss / MEGABYTE
    with scene.load() as load:
        load.wait_for(place.pick(10, 60))
        begin = time.monotonic()
        found = _drip_all(scene, count, seconds)
        end = time.monotonic()
    grown_mb = java.memory_info().rss / MEGABYTE - before_mb
    before = [one for one in load.outcomes if one.end < begin]
    during = [one for one in load.outcomes if begin < one.start and one.end < begin + seconds]
    seen = account(load.outcomes, scene.expected)
    right = sum(
        one.status == OK and _document(answer) == scene.expected[one.image] for one, answer in found
    )
    return Finding(
        saw=f"quick ones: {seen.said}, {_median_ms(during):.0f} ms in the median, "
        f"{_median_ms(before):.0f} ms without the slow ones. Slow ones: {right} of {count} right, "
        "each after its last byte",
        returned="was never away",
        lost="nothing" if right == count else f"{count - right} of the slow ones",
        figures={
            "account": seen.as_dict(),
            "slow": count,
            "seconds": seconds,
            "right": right,
            "all_done_s": end - begin,
            "median_ms": {"before": _median_ms(before), "during": _median_ms(during)},
            "java_grown_mb": grown_mb,
        },
        broken=unmet(
            {
                "quick ones get right answers": seen.lost == 0,
                "quick ones are answered while the slow ones send": bool(during),
                "slow ones get right answers": right == count,
            }
        ),
    )


def _drip_all(scene: Scene, count: int, seconds: int) -> list[tuple[Outcome, bytes]]:
    found: list[tuple[Outcome, bytes]] = []

    def client(number: int) -> None:
        image = number % len(scene.images)
        # They do not all end in the same second: the queue holds a hundred requests.
        lasting = seconds + number // _DONE_A_SECOND
        found.append(drip(scene.served, scene.images[image], seconds=lasting, image=image))

    together([partial(client, number) for number in range(count)])
    return found


def _document(answer: bytes) -> Any:
    try:
        return json.loads(answer.partition(b"\r\n\r\n")[2])
    except ValueError:
        return None


def _answered_by_workers(scene: Scene) -> int:
    """Requests that workers have answered since the server was started."""
    url = f"{scene.served.properties['metrics_address']}/metrics"
    lines = requests.get(url, params={"name[]": _ANSWERED}, timeout=10).text.splitlines()
    return sum(int(float(x.rpartition(" ")[2])) for x in lines if x.startswith(_ANSWERED))


def _pending_after(scene: Scene) -> int:
    """Requests that are still in the queue when everybody else is done."""
    end = time.monotonic() + 60
    pending = 1
    while pending and time.monotonic() < end:
        pending = scene.served.management.version("coins").pending
        time.sleep(0.1)
    return pending


def _median_ms(outcomes: list[Outcome]) -> float:
    return 1000 * statistics.median([one.seconds for one in outcomes] or [float("nan")])
