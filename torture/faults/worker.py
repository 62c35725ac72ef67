"""A worker that is killed in the middle of a batch, and one that stands still."""

import os
import signal
import time

import psutil

from torture.account import account, longest_gap_s, lost_of, under_way
from torture.errors import TortureError
from torture.fault import Finding, unmet
from torture.place import BATCHED, NARROW, Place

_BATCH = 4
_THREADS = 6


def kill(place: Place) -> Finding:
    """SIGKILL while a batch is computed and more requests wait."""
    scene = place.scene(BATCHED)
    kills: list[float] = []
    with scene.load(threads=_THREADS, own_image=True) as load:
        for _ in range(place.pick(1, 5)):
            load.wait_for(2 * _THREADS)
            worker = scene.served.worker()
            kills.append(time.monotonic())
            os.kill(worker, signal.SIGKILL)
            load.wait_for(_THREADS)
        load.wait_for(2 * _THREADS)
        end = time.monotonic()
    lost = lost_of(load.outcomes, scene.expected)
    of_each = [under_way(lost, at) for at in kills]
    gaps = [
        longest_gap_s(load.outcomes, scene.expected, since=at, until=until)
        for at, until in zip(kills, [*kills[1:], end], strict=True)
    ]
    seen = account(load.outcomes, scene.expected)
    answers = sorted({answer for answer in seen.answers if answer != "200"})
    return Finding(
        saw=f"{seen.said}: who was in the batch got {', '.join(answers) or 'nothing but 200'}, "
        "the others waited and were answered",
        returned=f"{min(gaps):.1f} to {max(gaps):.1f} s" if len(gaps) > 1 else f"{gaps[0]:.1f} s",
        lost=f"{', '.join(str(len(one)) for one in of_each)} of the {_THREADS} requests that were "
        f"under way at a kill: those in the killed worker, which takes up to {_BATCH}",
        figures={"account": seen.as_dict(), "gaps_s": gaps, "lost": [len(one) for one in of_each]},
        broken=unmet(
            {
                f"at most {_BATCH} requests are lost by a kill": all(
                    len(one) <= _BATCH for one in of_each
                ),
                "only requests under way at a kill are lost": sum(map(len, of_each)) == len(lost),
                "every answer of 200 is right": seen.wrong == 0,
                "every body is well formed": seen.malformed == 0,
                "every request is answered": seen.hung == 0,
            }
        ),
    )


def stop(place: Place) -> Finding:
    """SIGSTOP: the process is there and does nothing."""
    scene = place.scene(NARROW)
    timeout_s = scene.served.management.version("coins").response_timeout_s
    with scene.load(threads=4) as load:
        load.wait_for(8)
        worker = scene.served.worker()
        at = time.monotonic()
        os.kill(worker, signal.SIGSTOP)
        load.wait_for(8)
        end = time.monotonic()
    if psutil.pid_exists(worker) and psutil.Process(worker).status() == psutil.STATUS_STOPPED:
        os.kill(worker, signal.SIGKILL)
        raise TortureError(f"The stopped worker {worker} is still there.")
    seen = account(load.outcomes, scene.expected)
    lost = lost_of(load.outcomes, scene.expected)
    gap = longest_gap_s(load.outcomes, scene.expected, since=at, until=end)
    return Finding(
        saw=f"{seen.said}; the longest wait was {seen.longest_s:.1f} s, with a responseTimeout of "
        f"{timeout_s:.0f} s",
        returned=f"{gap:.1f} s: responseTimeout, then a new worker",
        lost=f"{len(lost)}, of which {len(under_way(lost, at))} was in the worker",
        figures={"account": seen.as_dict(), "gap_s": gap, "response_timeout_s": timeout_s},
        broken=unmet(
            {
                "only the request in the worker is lost": len(under_way(lost, at))
                == len(lost)
                <= 1,
                "every answer of 200 is right": seen.wrong == 0,
                "every body is well formed": seen.malformed == 0,
                "every request is answered": seen.hung == 0,
            }
        ),
    )
