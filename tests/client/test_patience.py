import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.http import exchange
from client.patience import Patience, is_absence, may_be_the_image
from tests.client.proxy import Reply

QUICK = Patience(total_s=5, first_pause_s=0.001, longest_pause_s=0.002)


def timed_out() -> ServerUnreachable:
    error = ServerUnreachable("late")
    error.__cause__ = requests.exceptions.ReadTimeout()
    return error


WORKER_DIED = RequestRefused(500, "InternalServerException", "Worker died.")
BUSY = RequestRefused(503, "ServiceUnavailableException", "full")

ERRORS = [
    # error, absence, may be the image, attempts of a patient client
    pytest.param(ServerUnreachable("away"), True, False, 9, id="nobody there"),
    pytest.param(timed_out(), True, True, 2, id="no answer in time"),
    pytest.param(BUSY, True, False, 9, id="queue full"),
    pytest.param(RequestRefused(502, "Bad Gateway", ""), True, False, 9, id="bad gateway"),
    pytest.param(RequestRefused(504, "Gateway Time-out", ""), True, False, 9, id="gateway late"),
    pytest.param(RequestRefused(429, "TooManyRequests", ""), True, False, 9, id="too many"),
    pytest.param(RequestRefused(408, "Request Timeout", ""), True, False, 9, id="sent too slowly"),
    pytest.param(RequestRefused(401, "InvalidKeyException", ""), False, False, 1, id="no key"),
    pytest.param(WORKER_DIED, False, True, 2, id="worker ended"),
    pytest.param(RequestRefused(507, "InternalServerException", ""), False, True, 2, id="507"),
    pytest.param(RequestRefused(500, "InternalError", ""), False, False, 1, id="handler's own 500"),
    pytest.param(RequestRefused(507, "OutOfMemory", ""), False, False, 1, id="out of memory"),
    pytest.param(RequestRefused(400, "UndecodableImage", ""), False, False, 1, id="no image"),
    pytest.param(RequestRefused(404, "ModelNotFoundException", ""), False, False, 1, id="no model"),
    pytest.param(RequestRefused(413, "Too Large", ""), False, False, 1, id="too large"),
    pytest.param(ClientError("cannot be read"), False, False, 1, id="never sent"),
]


@pytest.mark.parametrize(("error", "absence", "image", "attempts"), ERRORS)
def test_what_is_repeated(error, absence, image, attempts):
    assert is_absence(error) == absence
    assert may_be_the_image(error) == image
    asked = []

    def ask() -> str:
        asked.append(1)
        if len(asked) == 9:
            return "answer"
        raise error

    if attempts == 9:
        assert QUICK.call(ask) == "answer"
    else:
        with pytest.raises(type(error)):
            QUICK.call(ask)
    assert len(asked) == attempts


def test_other_troubles_between_do_not_count_as_the_images():
    troubles = [BUSY, WORKER_DIED, BUSY, BUSY]

    def ask() -> str:
        if troubles:
            raise troubles.pop(0)
        return "answer"

    assert QUICK.call(ask) == "answer"


def test_what_may_be_an_image_is_repeated_alone():
    meeting = threading.Barrier(2)

    def repeated(_: int) -> str:
        attempts = []

        def ask() -> str:
            attempts.append(1)
            if len(attempts) == 1:
                raise WORKER_DIED
            try:
                meeting.wait(0.3)  # the other one comes, unless it waits for this one
            except threading.BrokenBarrierError:
                return "alone"
            return "together"

        return QUICK.call(ask)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(repeated, range(2))) == ["alone", "alone"]


def test_who_waits_for_a_turn_may_be_stopped():
    asked, wish = [], threading.Event()

    def ask() -> None:
        asked.append(1)
        raise WORKER_DIED

    def wished() -> bool:
        return wish.is_set()

    with ThreadPoolExecutor(1) as threads, QUICK._suspects:
        waiting = threads.submit(QUICK.call, ask, stopped=wished)
        wish.set()
        # It is over whether the wish came before its pause or while it waited for its turn.
    with pytest.raises(RequestRefused):
        waiting.result()
    assert len(asked) == 1


def test_pauses_double_up_to_the_longest(monkeypatch):
    pauses, now = [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    patience = Patience(total_s=1.0, first_pause_s=0.0625, longest_pause_s=0.25)
    with pytest.raises(RequestRefused):
        patience.call(lambda: (_ for _ in ()).throw(BUSY))
    # 1/16, 1/8, and quarters in glances of a tenth of a second; a fifth would pass the second.
    assert now[0] == pytest.approx(0.0625 + 0.125 + 3 * 0.25)
    assert max(pauses) <= 0.1


def test_no_patience_asks_once():
    asked = []

    def ask() -> None:
        asked.append(1)
        raise BUSY

    with pytest.raises(RequestRefused):
        Patience(total_s=0).call(ask)
    assert len(asked) == 1


def test_nobody_waits_any_more():
    asked = []

    def ask() -> None:
        asked.append(1)
        raise BUSY

    looks = iter([False, False, True, True])
    patience = Patience(total_s=3600, first_pause_s=3000, longest_pause_s=3000)
    with pytest.raises(RequestRefused):
        patience.call(ask, stopped=lambda: next(looks))  # it stops in the middle of the pause
    assert len(asked) == 2


def test_a_real_time_out_is_told_from_a_real_absence(stand_in, unused_port):
    def late(asked):
        time.sleep(0.3)
        return Reply(200, json.dumps({}).encode())

    stand_in.instead = late
    with pytest.raises(ServerUnreachable) as caught:
        exchange("POST", stand_in.url, data=b"x", timeout_s=0.05)
    assert may_be_the_image(caught.value)
    with pytest.raises(ServerUnreachable) as caught:
        exchange("POST", f"http://127.0.0.1:{unused_port}", data=b"x", timeout_s=5)
    assert not may_be_the_image(caught.value)
    stand_in.instead = lambda asked: Reply(0)
    with pytest.raises(ServerUnreachable) as caught:
        exchange("POST", stand_in.url, data=b"x", timeout_s=5)
    assert not may_be_the_image(caught.value)
