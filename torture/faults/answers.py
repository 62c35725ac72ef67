"""An answer that is larger than the owner allows, in the archive or in config.properties."""

import statistics
import time

from torture.account import account, is_right, is_well_formed, longest_gap_s
from torture.fault import Finding, unmet
from torture.load import Outcome, send
from torture.place import NARROW, Place, Setting
from torture.wording import between

_TOO_LARGE = 413
_PICTURE = {"X-Format": "overlay_png"}


def too_large(place: Place) -> Finding:
    """Pictures are asked for that have more than `max_response_bytes`, beside a load of others."""
    scene = place.scene(NARROW)
    worker = scene.served.worker()
    with scene.load(threads=2) as load:
        load.wait_for(4)
        asked = [
            send(scene.served.url, scene.served.token, scene.images[0], headers=_PICTURE)
            for _ in range(place.pick(5, 50))
        ]
        load.wait_for(4)
    others = account(load.outcomes, scene.expected)
    seen = account(asked)
    limit = NARROW.limits["max_response_bytes"]
    median_s = statistics.median(one.seconds for one in asked)
    return Finding(
        saw=f"{seen.said}, after {1000 * median_s:.0f} ms in the median; the limit was {limit} "
        f"bytes. Beside them {others.said}",
        returned="was never away",
        lost="nothing" if not others.lost else f"{others.lost} of other clients",
        figures={"asked": seen.as_dict(), "others": others.as_dict(), "median_s": median_s},
        broken=unmet(
            {
                "each gets 413": all(one.status == _TOO_LARGE for one in asked),
                "every body is well formed": all(map(is_well_formed, asked)),
                "the worker lives": scene.served.worker() == worker,
                "the others get right answers": all(
                    is_right(one, scene.expected) for one in load.outcomes
                ),
            }
        ),
    )


def over_limit(place: Place) -> Finding:
    """The same pictures, and it is TorchServe alone that would not carry them."""
    limit = 50_000
    scene = place.scene(Setting("over-limit", properties={"max_response_size": str(limit)}))
    asked: list[Outcome] = []
    with scene.load(threads=2) as load:
        load.wait_for(4)
        for _ in range(place.pick(1, 5)):
            asked.append(
                send(scene.served.url, scene.served.token, scene.images[0], headers=_PICTURE)
            )
            load.wait_for(4)
        end = time.monotonic()
    moments = [one.start for one in asked]
    gaps = [
        longest_gap_s(load.outcomes, scene.expected, since=at, until=until)
        for at, until in zip(moments, [*moments[1:], end], strict=True)
    ]
    others, seen = account(load.outcomes, scene.expected), account(asked)
    reasons = " and ".join(f'"{reason}"' for reason in sorted(set(seen.reasons.values())))
    return Finding(
        saw=f"{seen.said}, after {statistics.median(one.seconds for one in asked):.1f} s in the "
        f"median: {reasons or 'nothing'}; the limit was {limit} bytes. "
        f"Beside them {others.said}",
        returned=f"{between(gaps)}: a new worker each time",
        lost=f"{seen.lost} of {seen.requests} large answers, {others.lost} of {others.requests} of "
        "other clients",
        figures={"asked": seen.as_dict(), "others": others.as_dict(), "gaps_s": gaps},
        broken=unmet(
            {
                "every request is answered": seen.hung + others.hung == 0,
                "every body is well formed": seen.malformed + others.malformed == 0,
                "the others get right answers": others.lost == 0,
            }
        ),
    )
