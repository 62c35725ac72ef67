"""What leaves clients without any answer, with the shipped configuration and otherwise."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import requests

from client.connection import Connection
from client.errors import ClientError
from client.http import send as ask
from client.ready import readiness
from handler.layout import WEIGHTS_FILE
from torture.account import Account, account
from torture.errors import TortureError
from torture.fault import Finding, unmet
from torture.load import Outcome, send
from torture.place import SHIPPED, Place, Scene, Setting, look
from torture.served import MODEL, Served
from torture.together import together

_BODY = 16 << 20
_CLIENTS = 80
_PATIENCE_S = 45.0
"""Longer than anything here takes that is still answered."""

_RETRIES_S = 10


def large_bodies(place: Place) -> Finding:
    """More bodies at once than Java has memory for; the worker runs, then stands still."""
    scene = place.scene(SHIPPED)
    limit_s = scene.served.management.version(MODEL).response_timeout_s
    found: dict[str, Account] = {}
    ended: dict[str, bool] = {}
    others: dict[str, Account] = {}
    for state in ("runs", "stands still"):
        worker = scene.served.worker()
        patience_s = limit_s + _PATIENCE_S
        with scene.load(threads=1, timeout_s=patience_s) as load:
            load.wait_for(2)
            if state == "stands still":
                os.kill(worker, signal.SIGSTOP)
            found[state] = account(_at_once(scene, [bytes(_BODY)] * _CLIENTS, timeout_s=patience_s))
            load.wait_for(2, timeout_s=patience_s)
        scene.served.wait_until_ready(60)
        others[state] = account(load.outcomes, scene.expected)
        ended[state] = scene.served.worker() != worker
    words = [
        f"worker {state}: {one.said}, after {one.longest_s:.0f} s at most, and the worker was "
        + ("ended" if ended[state] else "not ended")
        for state, one in found.items()
    ]
    waits = [f"{one.longest_s:.0f} s" for one in others.values()]
    hung = sum(one.hung for one in found.values())
    return Finding(
        saw=f"{'; '.join(words)}. responseTimeout is {limit_s:.0f} s",
        returned=f"a client with small images beside them waited at most {' and '.join(waits)}",
        lost=f"{hung} never had an answer"
        if hung
        else "who gets 507 or 500; nobody waits for ever",
        figures={
            state: {
                **one.as_dict(),
                "worker_ended": ended[state],
                "others": others[state].as_dict(),
            }
            for state, one in found.items()
        },
        broken=unmet(
            {
                "everybody gets an answer, or is cut off": hung == 0,
                "every body is well formed": all(one.malformed == 0 for one in found.values()),
                "small images get right answers": all(one.wrong == 0 for one in others.values()),
            }
        ),
    )


def cannot_come_back(place: Place) -> Finding:
    """The worker dies and cannot load any more, for longer than TorchServe tries."""
    setting = Setting("dead", {"maxRetryTimeoutInSec": _RETRIES_S})
    store = place.store(setting)
    place.close()
    with Served(store=store, folder=place.folder / "dead") as served:
        served.start()
        served.wait_until_ready()
        scene = look(served)
        _spoil(served.temp)
        os.kill(served.worker(), signal.SIGKILL)
        waiting = _at_once(scene, scene.images[:4], timeout_s=2 * _RETRIES_S)
        time.sleep(_RETRIES_S)
        late = _at_once(scene, scene.images[:4], timeout_s=_RETRIES_S)
        ping = _ping(served)
        ready = _is_ready(served)
        served.stop(signal.SIGINT)
        served.start()
        again_s = served.wait_until_ready()
        same = look(served).expected == scene.expected
    before, after = account(waiting), account(late)
    return Finding(
        saw=f"while TorchServe tries again ({_RETRIES_S} s here, 300 s as shipped): {before.said}. "
        f"When it has given up: {after.said}. `/ping` then says {ping}, `python -m client ready` "
        f"{'ready' if ready else 'not ready'}",
        returned=f"by a restart alone: {again_s:.1f} s",
        lost=f"{before.lost + after.lost} of {before.requests + after.requests}: every request "
        "from the worker's end to the restart; clients wait until their own time-out",
        figures={"trying": before.as_dict(), "given_up": after.as_dict(), "ping": ping},
        broken=unmet(
            {
                "it is not ready": not ready,
                "nothing is answered with damaged weights": "200"
                not in {*before.answers, *after.answers},
                "a restart serves as before": same,
            }
        ),
    )


def unregistered(place: Place) -> Finding:
    """`DELETE` and scaling to nothing with requests at hand, by the management key."""
    shipped = place.scene(SHIPPED)
    refused = _status_of_delete(shipped.served)
    scaled = _while_asked(shipped, lambda: _scale(shipped.served, 0))
    _scale(shipped.served, 1)
    shipped.served.wait_until_ready(60)
    scene = place.scene(Setting("model-api", arguments=("--model-api",)))
    deleted = _while_asked(scene, lambda: _delete(scene.served))
    place.close()
    return Finding(
        saw=f"as shipped DELETE is refused with {refused}; scaled to no worker: {scaled.said}. "
        f"With --model-api, DELETE: {deleted.said}. Clients waited {_PATIENCE_S:.0f} s",
        returned="scaled up again: at once. Deleted: never",
        lost=f"{scaled.lost} of {scaled.requests}, and {deleted.lost} of {deleted.requests}: the "
        "request in the worker and those in the queue. `python -m client models unregister` waits "
        "for them and loses none",
        figures={"refused": refused, "scaled": scaled.as_dict(), "deleted": deleted.as_dict()},
        broken=unmet({"as shipped nothing is unregistered": refused == 405}),
    )


def _at_once(
    scene: Scene, bodies: Sequence[bytes], *, timeout_s: float = _PATIENCE_S
) -> list[Outcome]:
    """Send each body from a client of its own, all at the same time."""
    outcomes: list[Outcome] = []
    url, token = scene.served.url, scene.served.token

    def client(image: int) -> None:
        outcomes.append(send(url, token, bodies[image], image=image, timeout_s=timeout_s))

    together([partial(client, image) for image in range(len(bodies))])
    return outcomes


def _while_asked(scene: Scene, do: Callable[[], None]) -> Account:
    """Do something while a worker has a request and eleven more wait for it."""
    thread = threading.Timer(0.2, do)
    thread.start()
    outcomes = _at_once(scene, [*scene.images, *scene.images])
    thread.join()
    return account(outcomes)


def _spoil(temp: Path) -> None:
    """Change the weights in the folder where TorchServe has opened the archive."""
    opened = list(temp.glob(f"ts-*/models/*/{WEIGHTS_FILE}"))
    if not opened:
        raise TortureError(f"No opened archive was found in {temp}.")
    for weights in opened:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)


def _ping(served: Served) -> int:
    headers = {"Authorization": f"Bearer {served.token}"}
    answer = requests.get(
        f"{served.properties['inference_address']}/ping", headers=headers, timeout=10
    )
    return answer.status_code


def _is_ready(served: Served) -> bool:
    connection = Connection(
        served.properties["inference_address"],
        served.properties["management_address"],
        served.run_dir,
        served.properties,
        timeout_s=5,
    )
    return all(one.ready for one in readiness(connection))


def _status_of_delete(served: Served) -> int:
    headers = {"Authorization": f"Bearer {served.management.token}"}
    url = f"{served.management.url}/models/{MODEL}"
    return requests.delete(url, headers=headers, timeout=10).status_code


def _delete(served: Served) -> None:
    _status_of_delete(served)


def _scale(served: Served, workers: int) -> None:
    management = served.management
    query = f"min_worker={workers}&max_worker={workers}&synchronous=true"
    try:
        ask("PUT", f"{management.url}/models/{MODEL}?{query}", token=management.token)
    except ClientError as error:
        raise TortureError(f"Not scaled: {error}") from error
