"""More requests at once than a queue holds."""

import statistics
from functools import partial

from torture.account import account, is_right, is_well_formed
from torture.fault import Finding, unmet
from torture.load import Outcome, send
from torture.place import NARROW, Place, Scene
from torture.together import together

_REFUSED = 503


def overflow(place: Place) -> Finding:
    """Many clients at once, each with one request, round after round."""
    scene = place.scene(NARROW)
    clients, rounds = 40, place.pick(1, 10)
    queue = int(str(NARROW.model_config["jobQueueSize"]))
    outcomes: list[Outcome] = []
    for _ in range(rounds):
        together([partial(_ask, scene, number, outcomes) for number in range(clients)])
    refused = [one for one in outcomes if one.status == _REFUSED]
    right = [one for one in outcomes if is_right(one, scene.expected)]
    seen = account(outcomes, scene.expected)
    milliseconds = sorted(1000 * one.seconds for one in refused)
    median_ms = statistics.median(milliseconds or [0.0])
    answered = statistics.median(one.seconds for one in right) if right else 0.0
    return Finding(
        saw=f"{seen.said}. A 503 came after {median_ms:.0f} ms in the median and "
        f"{max(milliseconds, default=0.0):.0f} ms at most, with forty clients started on the same "
        f"machine; the others were answered after {answered:.1f} s in the median",
        returned="was never away",
        lost=f"{len(refused)} of {len(outcomes)}, refused at once: {clients} at a time, a queue of "
        f"{queue}",
        figures={
            "account": seen.as_dict(),
            "refused_ms": [round(one, 1) for one in milliseconds],
            "answered_median_s": answered,
        },
        broken=unmet(
            {
                "what does not fit is refused with 503": bool(refused),
                "all others are answered rightly": len(right) + len(refused) == len(outcomes),
                f"at least {queue} of each round are answered": len(right) >= rounds * queue,
                "every body is well formed": all(is_well_formed(one) for one in outcomes),
                "a refusal comes before the queue is worked off": not milliseconds
                or milliseconds[-1] / 1000 < max(one.seconds for one in right),
            }
        ),
    )


def _ask(scene: Scene, number: int, outcomes: list[Outcome]) -> None:
    image = number % len(scene.images)
    served = scene.served
    outcomes.append(send(served.url, served.token, scene.images[image], image=image))
