"""Bad images among good ones, in the same batches."""

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import requests

from torture.account import account, is_well_formed
from torture.batches import batch_sizes
from torture.fault import Finding, unmet
from torture.load import Outcome, send
from torture.material.poison import Poison, poisons
from torture.place import FOURS, VERSION, Place, Scene
from torture.served import MODEL
from torture.together import together

_BATCH = 4
_EVERY = 10
"""One request of so many is poison."""

_METRICS_S = 20.0
_POLL_S = 0.1


def poisoned(place: Place) -> Finding:
    """Six clients, each with a good image of its own, and every tenth request something else.

    No two images of a batch have one shape, so that each good one has to get the very answer that
    it gets alone.
    """
    scene = place.scene(FOURS)
    bad = poisons()
    worker = scene.served.worker()
    alone = [_send(scene, one, image) for image, one in enumerate(bad)]
    before = _sizes(scene)
    turns = itertools.cycle(range(len(bad)))  # `next` of it is atomic
    good: list[Outcome] = []
    refused: list[Outcome] = []

    def client(image: int) -> None:
        url = scene.served.url + (f"/{VERSION}" if image % 2 else "")
        with requests.Session() as session:
            for number in range(place.pick(20, 200)):
                if (number + image) % _EVERY == _EVERY - 1:
                    kind = next(turns)
                    refused.append(_send(scene, bad[kind], kind))
                else:
                    body = scene.images[image]
                    token = scene.served.token
                    good.append(send(url, token, body, image=image, post=session.post))

    together([partial(client, image) for image in range(len(scene.images))])
    sizes = _sizes_of(scene, before, len(good) + len(refused))
    whole, others = account(good, scene.expected), account(refused)
    batches, shared = sum(sizes.values()), sum(sizes.values()) - sizes[1]
    return Finding(
        saw=f"good images: {whole.said}, {whole.wrong or 'none'} of them otherwise than alone. Bad "
        f"ones: {others.said}. Of {batches} batches {shared} had more than one request, "
        f"{sizes[_BATCH]} were full",
        returned="was never away",
        lost="nothing" if not whole.lost else f"{whole.lost} good images",
        figures={
            "good": whole.as_dict(),
            "bad": others.as_dict(),
            "kinds": {
                one.name: account([each for each in refused if each.image == kind]).answers
                for kind, one in enumerate(bad)
            },
            "batches": {str(size): count for size, count in sorted(sizes.items())},
        },
        broken=unmet(
            {
                "every good image gets 200, and the answer that it gets alone": whole.lost == 0,
                "every bad image alone is refused as it should be": _are_refused(alone, bad),
                "every bad image gets the answer that it gets alone": all(
                    _answer(one) == _answer(alone[one.image]) for one in refused
                ),
                "every kind of bad image was sent": {one.image for one in refused}
                == set(range(len(bad))),
                "every body is well formed": all(map(is_well_formed, [*good, *refused])),
                "the worker lives": scene.served.worker() == worker,
                "the server counts every request": _requests(sizes) >= len(good) + len(refused),
                "most batches have more than one request": 2 * shared > batches,
            }
        ),
    )


def _send(scene: Scene, poison: Poison, kind: int) -> Outcome:
    headers = {"Content-Type": poison.content_type}
    served = scene.served
    return send(served.url, served.token, poison.content, image=kind, headers=headers)


def _answer(outcome: Outcome) -> tuple[int, Any]:
    return outcome.status, outcome.document


def _are_refused(alone: Sequence[Outcome], bad: Sequence[Poison]) -> bool:
    return all(
        is_well_formed(one) and (one.status, one.document["type"]) == (poison.status, poison.error)
        for one, poison in zip(alone, bad, strict=True)
    )


def _sizes(scene: Scene) -> Counter[int]:
    return batch_sizes(scene.served.properties["metrics_address"], MODEL, most=_BATCH)


def _sizes_of(scene: Scene, before: Counter[int], requests_sent: int) -> Counter[int]:
    """Of the batches since then; TorchServe counts them when their answers have been sent."""
    end = time.monotonic() + _METRICS_S
    while True:
        sizes = _sizes(scene)
        sizes.subtract(before)
        if _requests(sizes) >= requests_sent or time.monotonic() > end:
            return sizes
        time.sleep(_POLL_S)


def _requests(sizes: Counter[int]) -> int:
    return sum(size * count for size, count in sizes.items())
