"""Two versions are asked about each image one after another, and times are those of pairs."""

import contextlib

import pytest

from client.answers.journal import Journal
from client.answers.opening import Run
from client.answers.run import Source
from client.compare.asking import ask_in_turns
from client.detector import Detector
from client.errors import ClientError
from client.patience import Patience
from client.question import Options
from tests.client.proxy import Proxy, Reply
from tests.images import noise_bgr

IMAGE = noise_bgr(4, 4)
SOURCES = [Source(f"{k}.png", "1", lambda: IMAGE) for k in range(4)]


@contextlib.contextmanager
def runs(proxy: Proxy, folder):
    with contextlib.ExitStack() as stack:
        found = []
        for version in ("1.0", "2.0"):
            detector = Detector(proxy.url, "m", version=version, token="", patience=Patience(0))
            journal = Journal(folder / f"{version}.jsonl", {"version": version})
            stack.enter_context(detector)
            stack.enter_context(journal)
            found.append(Run(detector, journal, "m", version, Options(), None, False))
        yield found


def versions(proxy: Proxy) -> list[str]:
    """Of all requests, which version was asked."""
    return [one.path.rpartition("/")[2] for one in proxy.asked]


def test_each_is_the_first_as_often(stand_in, tmp_path):
    with runs(stand_in, tmp_path) as (old, new):
        found = list(ask_in_turns(old, new, SOURCES, workers=1))
    assert [one.image for one in found] == [source.name for source in SOURCES]
    assert versions(stand_in) == 2 * ["1.0", "2.0", "2.0", "1.0"]
    assert all(one.old.document and one.new.document for one in found)
    assert not any(one.is_earlier for one in found)


def test_goes_on_and_asks_both_again_where_one_has_no_answer(stand_in, tmp_path):
    with runs(stand_in, tmp_path) as (old, new):
        list(ask_in_turns(old, new, SOURCES[:2], workers=1))
        asking = ask_in_turns(
            old, new, SOURCES, workers=1, stopped=lambda: len(stand_in.asked) == 5
        )
        assert len(list(asking)) < 4
    assert len(stand_in.asked) == 5  # the last image has one of two answers
    stand_in.asked.clear()
    with runs(stand_in, tmp_path) as (old, new):
        found = list(ask_in_turns(old, new, SOURCES, workers=1))
    assert [one.is_earlier for one in found] == [True, True, False, False]
    assert versions(stand_in) == ["1.0", "2.0", "2.0", "1.0"]


def test_several_images_at_a_time_are_each_asked_about_in_turns(stand_in, tmp_path):
    with runs(stand_in, tmp_path) as (old, new):
        found = list(ask_in_turns(old, new, SOURCES, workers=3))
    assert [one.image for one in found] == [source.name for source in SOURCES]
    assert sorted(versions(stand_in)) == 4 * ["1.0"] + 4 * ["2.0"]


def test_one_that_fails_ends_nothing(stand_in, tmp_path):
    answer = stand_in.instead

    def fails(asked):
        if asked.path.endswith("2.0") and len(stand_in.asked) < 4:
            return Reply(400, b'{"code": 400, "type": "ImageTooLarge", "message": "No."}')
        return answer(asked)

    stand_in.instead = fails
    with runs(stand_in, tmp_path) as (old, new):
        found = list(ask_in_turns(old, new, SOURCES, workers=1))
    assert [one.new.failure is not None for one in found] == [True, True, False, False]
    assert not any(one.old.failure for one in found)


def test_a_server_that_goes_away_ends_it_and_the_rest_is_kept(stand_in, tmp_path):
    answer = stand_in.instead
    stand_in.instead = lambda asked: Reply(0) if len(stand_in.asked) > 4 else answer(asked)
    with runs(stand_in, tmp_path) as (old, new):
        with pytest.raises(ClientError):
            list(ask_in_turns(old, new, SOURCES, workers=1))
        assert [len(old.journal), len(new.journal)] == [2, 2]
