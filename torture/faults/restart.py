"""What a restart costs, in order and otherwise, and one in the middle of loading."""

import contextlib
import signal
import time

import psutil

from client.errors import ClientError
from torture.account import account
from torture.errors import TortureError
from torture.fault import Finding, unmet
from torture.load import OK, Outcome, send
from torture.material.photographs import parts
from torture.place import SHIPPED, Place, look
from torture.served import Served
from torture.wording import between

_NOTICE_S = 1.0
_END_S = 60.0
_START_S = 120.0


def in_order(place: Place) -> Finding:
    """SIGTERM with requests under way, then a start; clients stop asking a second later."""
    with _server(place) as served:
        served.start()
        first_s = served.wait_until_ready()
        scene = look(served)
        stopped, again, lost, answered = [], [], 0, 0
        for _ in range(place.pick(1, 5)):
            with scene.load(threads=4) as load:
                load.wait_for(8)
                begin = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                time.sleep(_NOTICE_S)
            seen = account(load.outcomes, scene.expected)
            lost, answered = lost + seen.lost, answered + seen.requests - seen.lost
            code = served.wait(_END_S)
            stopped.append(time.monotonic() - begin)
            served.start()
            _wait_for_an_answer(served, scene.images[0])
            again.append(time.monotonic() - begin)
            served.wait_until_ready()
        same = look(served).expected == scene.expected
    return Finding(
        saw=f"{answered} x 200, {lost} lost. Clients stopped asking {_NOTICE_S:.0f} s after "
        "SIGTERM, as a load balancer does that asks `python -m client ready`",
        returned=f"{between(again)} from SIGTERM to the first answer of 200, of which "
        f"{between(stopped)} until everything was answered and had ended. A first start: "
        f"{first_s:.1f} s",
        lost="nothing" if not lost else str(lost),
        figures={"stopped_s": stopped, "serving_s": again, "first_start_s": first_s, "lost": lost},
        broken=unmet(
            {
                "no request is lost": lost == 0,
                "exit code 0": code == 0,
                "it answers as before": same,
                "nothing is left behind": not served.left,
            }
        ),
    )


def while_loading(place: Place) -> Finding:
    """SIGTERM while the model is being loaded, and SIGKILL of the worker that loads it."""
    with _server(place) as served:
        stops = []
        for _ in range(place.pick(1, 5)):
            served.start()
            _wait_for_loading(served)
            code, seconds = served.stop(signal.SIGTERM)
            stops.append(seconds)
        served.start()
        worker = _wait_for_loading(served)
        killed = time.monotonic()
        worker.kill()
        waited = _wait_for_an_answer(served, parts()[0])
        back_s = time.monotonic() - killed
        served.wait_until_ready()
        look(served)
    return Finding(
        saw="no connection, or an error, until TorchServe has gone through the model store; who "
        f"asked while the model was loaded again had the answer after {waited.seconds:.1f} s",
        returned=f"stopped within {between(stops)}, with nothing left; after the loading worker "
        f"was killed the next one answered {back_s:.1f} s later",
        lost="nothing",
        figures={"stops_s": stops, "back_s": back_s, "waited_s": waited.seconds},
        broken=unmet({"exit code 0": code == 0, "nothing is left behind": not served.left}),
    )


def java_killed(place: Place) -> Finding:
    """SIGKILL of TorchServe's Java process, as the kernel does when memory runs out."""
    with _server(place) as served:
        served.start()
        served.wait_until_ready()
        scene = look(served)
        with scene.load(threads=3, timeout_s=20) as load:
            load.wait_for(6)
            begin = time.monotonic()
            served.java().kill()
            code = served.wait(_END_S)
            ended_s = time.monotonic() - begin
        left = list(served.left)
        served.start()
        _wait_for_an_answer(served, scene.images[0])
        again_s = time.monotonic() - begin
        served.wait_until_ready()
        same = look(served).expected == scene.expected
    seen = account(load.outcomes, scene.expected)
    return Finding(
        saw=f"{seen.answers.get('200', 0)} x 200 until then; connections under way are cut off at "
        "once, others refused until somebody starts it again",
        returned=f"`python -m server` ends after {ended_s:.1f} s with exit code {code}; with a "
        f"supervisor that starts it then: {again_s:.1f} s until the first answer of 200",
        lost="what was under way or in the queue",
        figures={"account": seen.as_dict(), "ended_s": ended_s, "serving_s": again_s, "code": code},
        broken=unmet(
            {
                "exit code 1": code == 1,
                "nothing is left behind": not left,
                "every answer of 200 is right": seen.wrong == 0,
                "nobody waits for ever": seen.hung == 0,
                "it answers as before": same,
            }
        ),
    )


def _server(place: Place) -> Served:
    store = place.store(SHIPPED)
    place.close()
    return Served(store=store, folder=place.folder / "restarted")


def _wait_for_an_answer(served: Served, image: bytes) -> Outcome:
    """Ask until the model answers.

    Returns:
        The request that was answered: it may have waited while the model was loaded.
    """
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        with contextlib.suppress(ClientError):  # the key file is being written
            outcome = send(served.url, served.token, image, timeout_s=_START_S)
            if outcome.status == OK:
                return outcome
        time.sleep(0.05)
    raise TortureError("The server did not come back.")


def _wait_for_loading(served: Served) -> psutil.Process:
    """The worker's process as soon as there is one."""
    end = time.monotonic() + _END_S
    while time.monotonic() < end:
        for process in served.processes():
            try:
                if "model_service_worker" in " ".join(process.cmdline()):
                    time.sleep(1.0)  # into the loading
                    return process
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)
    raise TortureError("No worker was started.")
