"""An answer that is larger than the owner allows."""

import statistics

from torture.account import account, is_right, is_well_formed
from torture.fault import Finding, unmet
from torture.load import send
from torture.place import NARROW, Place

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
