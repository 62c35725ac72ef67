"""What a restart costs, in order and otherwise, and one in the middle of loading."""

import contextlib
import signal
import time

import psutil

from client.errors import ClientError
from torture.account import account, is_right, lost_of, under_way
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
        stopped, again, codes, outcomes = [], [], [], []
        for _ in range(place.pick(1, 5)):
            with scene.load(threads=4) as load:
                load.wait_for(8)
                begin = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                time.sleep(_NOTICE_S)
            outcomes += load.outcomes
            codes.append(served.wait(_END_S))
            stopped.append(time.monotonic() - begin)
            served.start()
            _ask_until_answered(served, scene.images[0])
            again.append(time.monotonic() - begin)
            served.wait_until_ready()
        same = look(served).expected == scene.expected
    seen = account(outcomes, scene.expected)
    return Finding(
        saw=f"{seen.said}, {seen.wrong} of them wrong. Clients stopped asking {_NOTICE_S:.0f} s "
        "after SIGTERM, as a load balancer does that asks `python -m client ready`",
        returned=f"{between(again)} from SIGTERM to the first answer of 200, of which "
        f"{between(stopped)} until everything was answered and had ended. A first start: "
        f"{first_s:.1f} s",
        lost=f"{seen.lost or 'nothing'} of {seen.requests} in {len(codes)} restarts",
        figures={
            "account": seen.as_dict(),
            "stopped_s": stopped,
            "serving_s": again,
            "first_start_s": first_s,
            "codes": codes,
        },
        broken=unmet(
            {
                "no request is lost": seen.lost == 0,
                "exit code 0 each time": set(codes) == {0},
                "it answers as before": same,
                "nothing is left behind": not served.left,
            }
        ),
    )


def while_loading(place: Place) -> Finding:
    """SIGTERM while the model is being loaded, and SIGKILL of the worker that loads it."""
    with _server(place) as served:
        stops, codes = [], []
        for _ in range(place.pick(1, 5)):
            served.start()
            _wait_for_loading(served)
            code, seconds = served.stop(signal.SIGTERM)
            codes.append(code)
            stops.append(seconds)
        served.start()
        worker = _wait_for_loading(served)
        killed = time.monotonic()
        worker.kill()
        asked = _ask_until_answered(served, parts()[0])
        back_s = time.monotonic() - killed
        served.wait_until_ready()
        expected = look(served).expected
    seen = account(asked, expected)
    return Finding(
        saw=f"one that asked again and again after the kill: {seen.said}; the answer of 200 after "
        f"{asked[-1].seconds:.1f} s",
        returned=f"stopped within {between(stops)}, with nothing left; after the loading worker "
        f"was killed the next one answered {back_s:.1f} s later",
        lost=f"{seen.lost or 'nothing'} of {seen.requests}",
        figures={
            "account": seen.as_dict(),
            "stops_s": stops,
            "codes": codes,
            "back_s": back_s,
            "waited_s": asked[-1].seconds,
        },
        broken=unmet(
            {
                "exit code 0 each time": set(codes) == {0},
                "nothing is left behind": not served.left,
                "the answer is right": is_right(asked[-1], expected),
                "every request is answered or refused": seen.hung == 0,
            }
        ),
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
        _ask_until_answered(served, scene.images[0])
        again_s = time.monotonic() - begin
        served.wait_until_ready()
        same = look(served).expected == scene.expected
    seen = account(load.outcomes, scene.expected)
    lost = lost_of(load.outcomes, scene.expected)
    cut = under_way(lost, begin)
    longest_s = max((one.end - begin for one in cut), default=0.0)
    return Finding(
        saw=f"{seen.said}; who was under way knew it after {longest_s:.1f} s at the latest",
        returned=f"`python -m server` ends after {ended_s:.1f} s with exit code {code}; with a "
        f"supervisor that starts it then: {again_s:.1f} s until the first answer of 200",
        lost=f"{len(lost)} of {seen.requests}: {len(cut)} were under way at the kill, "
        f"{len(lost) - len(cut)} were sent then, until the command had ended",
        figures={
            "account": seen.as_dict(),
            "under_way": len(cut),
            "known_s": longest_s,
            "ended_s": ended_s,
            "serving_s": again_s,
            "code": code,
        },
        broken=unmet(
            {
                "exit code 1": code == 1,
                "nothing is left behind": not left,
                "every answer of 200 is right": seen.wrong == 0,
                "what was sent before the kill and is lost was under way": all(
                    one.end > begin for one in lost
                ),
                "nobody waits for ever": seen.hung == 0,
                "it answers as before": same,
            }
        ),
    )


def _server(place: Place) -> Served:
    store = place.store(SHIPPED)
    place.close()
    return Served(store=store, folder=place.folder / "restarted")


def _ask_until_answered(served: Served, image: bytes) -> list[Outcome]:
    """Ask again and again until the model answers.

    Returns:
        Every request; the last is the one that was answered, which may have waited while the model
        was loaded.
    """
    end = time.monotonic() + _START_S
    outcomes = []
    while time.monotonic() < end:
        with contextlib.suppress(ClientError):  # the key file is being written
            outcomes.append(send(served.url, served.token, image, timeout_s=_START_S))
            if outcomes[-1].status == OK:
                return outcomes
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
