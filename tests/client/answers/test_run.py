"""Runs over many images: nothing asked twice, nothing lost, and what ends them."""

import json
import threading
from contextlib import closing

import pytest

from client.answers.journal import Journal
from client.answers.run import SAMPLE, Source, ask_all
from client.detector import Detector
from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.patience import Patience
from client.question import Options
from tests.client.conftest import NATIVE
from tests.client.proxy import Reply, digest
from tests.images import noise_bgr, png

GOOD = Reply(200, json.dumps(NATIVE).encode())


def source(name: str, content: bytes | None = None, mark: str = "1") -> Source:
    return Source(name, mark, lambda: name.encode() if content is None else content)


def names(count: int) -> list[str]:
    return [f"{number}.jpg" for number in range(count)]


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "answers.jsonl", {}) as opened:
        yield opened


@pytest.fixture
def detector(stand_in):
    with Detector(stand_in.url, "m", patience=Patience(0), timeout_s=10) as asking:
        yield asking


def digests(proxy) -> list[str]:
    return [asked.digest for asked in proxy.asked]


def test_a_real_server_answers_each_once(tiny, proxy, tmp_path):
    images = {f"{seed}.png": png(noise_bgr(64, 64, seed)) for seed in range(6)}
    sources = [source(name, content) for name, content in images.items()]
    sources[3] = source("3.png", b"no image")
    with Journal(tmp_path / "answers.jsonl", {}) as journal:
        records = list(ask_all(tiny, sources, journal, Options(max_detections=2), workers=3))
        again = list(ask_all(tiny, sources, journal, Options(max_detections=2), workers=3))
    assert [record.image for record in records] == list(images)
    assert records[3].failure.type == "UndecodableImage"
    assert all(len(one.predictions) == 2 for one in records if one.image != "3.png")
    assert [one.document for one in again] == [one.document for one in records]
    assert len(proxy.asked) == len(set(digests(proxy))) == 6


def test_an_interrupted_run_is_gone_on_with(detector, stand_in, journal):
    found = ask_all(detector, map(source, names(40)), journal, workers=4)
    with closing(found):
        for _, record in zip(range(11), found, strict=False):
            assert record.document == NATIVE
    asked = len(stand_in.asked)
    assert 11 <= asked <= 11 + 8
    assert len(journal) == asked  # what was answered is kept, its turn or not
    records = list(ask_all(detector, map(source, names(40)), journal, workers=4))
    assert [record.image for record in records] == names(40)
    assert sorted(digests(stand_in)) == sorted(digest(name.encode()) for name in names(40))


def test_what_has_changed_is_asked_again(detector, stand_in, journal):
    list(ask_all(detector, map(source, names(3)), journal, workers=2))
    changed = [source("0.jpg"), source("1.jpg", b"new", mark="2"), source("2.jpg")]
    list(ask_all(detector, changed, journal, workers=2))
    assert digests(stand_in)[3:] == [digest(b"new")]


def test_a_wish_to_stop_ends_it_when_what_is_under_way_is_done(detector, stand_in, journal):
    wish = threading.Event()

    def wished(asked):
        wish.set()
        return GOOD

    stand_in.instead = wished
    records = list(
        ask_all(detector, map(source, names(99)), journal, workers=2, stopped=wish.is_set)
    )
    assert 1 <= len(records) <= 2
    assert len(records) == len(stand_in.asked) == len(journal)


def test_a_wish_to_stop_ends_the_waiting_for_a_server(stand_in, journal):
    stand_in.instead = lambda asked: Reply(503)
    detector = Detector(stand_in.url, "m", patience=Patience(3600, 3000, 3000))
    wish = lambda: len(stand_in.asked) >= 2  # noqa: E731
    assert list(ask_all(detector, map(source, names(9)), journal, workers=2, stopped=wish)) == []
    assert len(journal) == 0


def unreadable():
    raise ClientError("x.jpg cannot be read: no.")


def test_an_image_that_fails_ends_nothing(detector, stand_in, journal):
    bad = {
        digest(b"1.jpg"): Reply(400, b'{"code": 400, "type": "UndecodableImage", "message": "no"}'),
        digest(b"2.jpg"): Reply(413),
        digest(b"3.jpg"): Reply(500, b'{"code": 500, "type": "InternalError", "message": "no"}'),
    }
    stand_in.instead = lambda asked: bad.get(asked.digest, GOOD)
    sources = [*map(source, names(4)), Source("x.jpg", "", unreadable), source("last.jpg")]
    records = list(ask_all(detector, sources, journal, workers=2))
    assert [record.failure and record.failure.type for record in records] == [
        None,
        "UndecodableImage",
        "Request Entity Too Large",
        "InternalError",
        "ClientError",
        None,
    ]


def test_an_image_that_alone_gets_no_answer_ends_nothing(detector, stand_in, journal):
    stand_in.instead = lambda asked: Reply(0) if asked.digest == digest(b"1.jpg") else GOOD
    records = list(ask_all(detector, map(source, names(4)), journal, workers=1))
    assert [record.failure is None for record in records] == [True, False, True, True]
    assert records[1].failure.type == "ServerUnreachable"
    assert digests(stand_in).count(digest(SAMPLE)) == 1


def test_what_a_proxy_refuses_of_one_image_ends_nothing(detector, stand_in, journal):
    refused = digest(b"1.jpg")
    stand_in.instead = lambda asked: Reply(404) if asked.digest == refused else GOOD
    records = list(ask_all(detector, map(source, names(4)), journal, workers=1))
    assert [record.failure is None for record in records] == [True, False, True, True]
    assert digests(stand_in).count(digest(SAMPLE)) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(404, b"<html>default backend - 404"), id="no backend"),
        pytest.param(Reply(400, b"<html>Bad request"), id="bad request"),
        pytest.param(Reply(405), id="method"),
        pytest.param(Reply(421, b'{"detail": "Misdirected"}'), id="another host"),
    ],
)
def test_a_proxy_that_refuses_everything_for_a_while(detector, stand_in, journal, reply):
    stand_in.instead = lambda asked: GOOD if len(stand_in.asked) <= 5 else reply
    with pytest.raises(RequestRefused, match=str(reply.status)):
        list(ask_all(detector, map(source, names(50)), journal, workers=2))
    assert len(journal) == 5
    stand_in.instead = lambda asked: GOOD
    records = list(ask_all(detector, map(source, names(50)), journal, workers=2))
    assert [record.failure for record in records] == [None] * 50


def test_limits_are_asked_about_again_by_the_next_run(detector, stand_in, tmp_path):
    refusals = {
        digest(b"0.jpg"): Reply(413, b'{"code": 413, "type": "ImageTooLarge", "message": "no"}'),
        digest(b"1.jpg"): Reply(413),
        digest(b"2.jpg"): Reply(400, b'{"code": 400, "type": "InvalidOption", "message": "no"}'),
        digest(b"3.jpg"): Reply(400, b'{"code": 400, "type": "UndecodableImage", "message": "no"}'),
    }
    stand_in.instead = lambda asked: refusals.get(asked.digest, GOOD)
    for _ in range(2):
        with Journal(tmp_path / "answers.jsonl", {}) as journal:
            list(ask_all(detector, map(source, names(5)), journal, workers=1))
    asked = digests(stand_in)
    times = [asked.count(digest(name.encode())) for name in names(5)]
    assert (times, asked.count(digest(SAMPLE))) == ([2, 2, 2, 1, 1], 0)


def test_a_server_that_is_gone_ends_the_run(detector, stand_in, journal):
    stand_in.instead = lambda asked: GOOD if len(stand_in.asked) <= 5 else Reply(0)
    with pytest.raises(ServerUnreachable):
        list(ask_all(detector, map(source, names(50)), journal, workers=2))
    assert len(journal) == 5
    stand_in.instead = lambda asked: GOOD
    assert len(list(ask_all(detector, map(source, names(50)), journal, workers=2))) == 50
    answered = digests(stand_in)
    assert all(answered.count(digest(name.encode())) >= 1 for name in names(50))


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "InvalidKeyException"),
        (404, "ModelNotFoundException"),
        (404, "ResourceNotFoundException"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (407, "Proxy Authentication Required"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_what_every_image_would_get_ends_the_run(detector, stand_in, journal, status, type_):
    body = json.dumps({"code": status, "type": type_, "message": "no"}).encode()
    stand_in.instead = lambda asked: Reply(status, body)
    with pytest.raises(RequestRefused) as caught:
        list(ask_all(detector, map(source, names(50)), journal, workers=2))
    assert caught.value.type == type_
    assert len(journal) == 0
    assert len(stand_in.asked) < 15


def test_a_proxy_that_limits_requests_refuses_no_image_for_good(stand_in, journal):
    body = b'{"code": 429, "type": "TooManyRequests", "message": "Wait a little."}'
    stand_in.instead = lambda asked: Reply(429, body) if len(stand_in.asked) % 3 else GOOD
    with Detector(stand_in.url, "m", patience=Patience(60, 0.001, 0.01)) as detector:
        records = list(ask_all(detector, map(source, names(12)), journal, workers=4))
    assert [record.failure for record in records] == [None] * 12
    assert len(stand_in.asked) > 12


def test_a_version_that_is_gone_ends_the_run(detector, stand_in, journal):
    body = b'{"code": 404, "type": "ModelVersionNotFoundException", "message": "no"}'
    stand_in.instead = lambda asked: GOOD if len(stand_in.asked) < 3 else Reply(404, body)
    with pytest.raises(ClientError, match=r"jsonl holds answers of a version that is not served"):
        list(ask_all(detector, map(source, names(9)), journal, workers=2))
    assert len(journal) == 2


def test_a_full_disk_ends_the_run(detector, journal, monkeypatch):
    def full(record):
        raise ClientError("answers.jsonl cannot be written: No space left on device.")

    monkeypatch.setattr(journal, "add", full)
    with pytest.raises(ClientError, match="No space left"):
        list(ask_all(detector, map(source, names(9)), journal, workers=2))


def test_sources_are_taken_when_there_is_room(detector, journal):
    taken = []

    def sources():
        for name in names(1000):
            taken.append(name)
            yield source(name)

    with closing(ask_all(detector, sources(), journal, workers=3)) as found:
        next(found)
    assert len(taken) == 6
