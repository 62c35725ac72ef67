"""Images that are not what they should be: damaged ones, and bombs."""

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable

import requests

from torture.account import account, is_well_formed
from torture.fault import Finding, unmet
from torture.load import OK, Outcome, send
from torture.material.bombs import bombs
from torture.material.damaged import damaged_images
from torture.memory import forget_peak, own_mb, peak_mb
from torture.place import SHIPPED, Place, Scene
from torture.together import Shared, together

_CONNECTIONS = 4
_REFUSALS = (400, 413)
_PEAK_MB = 100
_SLOW_S = 1.0


def damaged(place: Place) -> Finding:
    """Thousands of damaged images over several kept connections, beside a load of whole ones."""
    scene = place.scene(SHIPPED)
    count = place.pick(200, 10_000)
    worker = scene.served.worker()
    before = own_mb(worker)
    images = damaged_images(count)
    with scene.load(threads=1) as load:
        warm = [one for _, one in _sent(scene, itertools.islice(images, count // 10))]
        warmed = own_mb(worker)
        sent = [one for _, one in _sent(scene, images)]
    after = own_mb(worker)
    seen, others = account([*warm, *sent]), account(load.outcomes, scene.expected)
    bad = [one for one in (*warm, *sent) if one.status != OK and one.status not in _REFUSALS]
    return Finding(
        saw=f"{_by_status([*warm, *sent])}; beside them {others.said} for whole images. "
        f"Memory of the worker: {before:.0f} MB before, {warmed:.0f} MB after the first tenth, "
        f"{after:.0f} MB at the end",
        returned="was never away",
        lost="nothing" if not others.lost else f"{others.lost} whole images",
        figures={
            "damaged": seen.as_dict(),
            "whole": others.as_dict(),
            "own_mb": {"before": before, "after_a_tenth": warmed, "after": after},
            "bad": [f"{one.status} {one.document}"[:300] for one in bad[:10]],
        },
        broken=unmet(
            {
                "every answer is 200, 400 or 413": not bad,
                "every body is well formed": seen.malformed == 0,
                "the worker lives": scene.served.worker() == worker,
                "whole images get right answers": others.lost == 0,
                "the worker does not grow by more than a tenth": after < 1.1 * warmed,
            }
        ),
    )


def bombed(place: Place) -> Finding:
    """Bombs one after another, at a server that does nothing else, to see what each costs."""
    scene = place.scene(SHIPPED)
    worker = scene.served.worker()
    _sent(scene, bombs(20, seed=1), connections=1)  # the first ones load the decoders
    before = own_mb(worker)
    forget_peak(worker)
    start_mb = peak_mb(worker)
    outcomes = _sent(scene, bombs(place.pick(50, 1_000)), connections=1)
    grown = peak_mb(worker) - start_mb
    after = own_mb(worker)
    kinds: dict[str, list[float]] = {}
    for kind, one in outcomes:
        kinds.setdefault(kind, []).append(round(1000 * one.seconds, 1))
    answers = [one for _, one in outcomes]
    believed = [one for one in answers if one.status not in _REFUSALS]
    milliseconds = sorted(1000 * one.seconds for one in answers)
    slowest = max(kinds, key=lambda kind: statistics.median(kinds[kind]))
    return Finding(
        saw=f"{_by_status(answers)}; after {statistics.median(milliseconds):.0f} ms in the median, "
        f"{milliseconds[-1]:.0f} ms at most; slowest is {slowest} with "
        f"{statistics.median(kinds[slowest]):.0f} ms in the median. The most memory that the "
        f"worker ever had grew by {grown:.0f} MB",
        returned="was never away",
        lost=f"{len(believed)} were believed" if believed else "nothing",
        figures={
            "account": account(answers).as_dict(),
            "ms": kinds,
            "peak_growth_mb": grown,
            "own_mb": {"before": before, "after": after},
        },
        broken=unmet(
            {
                "each gets 413 or 400": not believed,
                "every body is well formed": all(map(is_well_formed, answers)),
                "the worker lives": scene.served.worker() == worker,
                f"memory grows by less than {_PEAK_MB} MB": grown < _PEAK_MB,
                f"half of each kind take less than {_SLOW_S:.0f} s": all(
                    statistics.median(times) < 1000 * _SLOW_S for times in kinds.values()
                ),
            }
        ),
    )


def _sent(
    scene: Scene, files: Iterable[tuple[str, bytes]], *, connections: int = _CONNECTIONS
) -> list[tuple[str, Outcome]]:
    """Send each file once, over several connections that are kept."""
    source = Shared(files)
    found: list[tuple[str, Outcome]] = []
    url, token = scene.served.url, scene.served.token

    def client() -> None:
        with requests.Session() as session:
            for name, content in source:
                found.append((name, send(url, token, content, post=session.post)))

    together([client] * connections)
    return found


def _by_status(outcomes: list[Outcome]) -> str:
    counted = Counter(one.status for one in outcomes)
    return ", ".join(f"{count} x {status or 'none'}" for status, count in counted.most_common())
