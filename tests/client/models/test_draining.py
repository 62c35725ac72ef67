"""Whether a version has answered everything, by a script of what the server says."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.management import READY, ServedVersion, Worker
from client.models import draining
from client.models.draining import NotDrained, drain

RESPONSE_TIMEOUT_S = 60
REFUSED = RequestRefused(503, "ServiceUnavailableException", "no worker")
STUCK = ServerUnreachable("Read timed out.")


@dataclass
class Script:
    """A clock that only sleeping moves, and a server that says what is written; the last for ever.

    Attributes:
        workers: Process ids of the workers that are ready.
        pending: How many requests wait, at each look.
        answers: Who answers each question: a process, 0 for one that does not say, or an error;
            STUCK is one after both of the tries that a GET has.
        named: How many requests have named the version, at each look.
    """

    workers: Sequence[int] = (1,)
    pending: Sequence[int] = (0,)
    answers: Sequence[int | ClientError] = (1,)
    named: Sequence[float | None] = (0.0,)
    now: float = 1000.0
    questions: int = 0
    looks: dict[str, int] = field(default_factory=dict)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def version(self, model: str, version: str) -> ServedVersion:
        workers = tuple(Worker(str(pid), READY, pid) for pid in self.workers)
        counts = len(workers), len(workers), self._next("pending"), RESPONSE_TIMEOUT_S
        return ServedVersion(model, version, "x.mar", workers, *counts)

    def ask_itself(self, model: str, version: str, *, timeout_s: float) -> dict:
        self.questions += 1
        answer = self._next("answers")
        if answer is STUCK:
            self.now += 2 * timeout_s
        if isinstance(answer, ClientError):
            raise answer
        return {"worker": {"pid": answer}} if answer else {}

    def arrivals(self) -> float | None:
        return self._next("named")

    def _next(self, what: str):
        said = getattr(self, what)
        look = self.looks[what] = self.looks.get(what, -1) + 1
        return said[min(look, len(said) - 1)]


@pytest.fixture
def play(monkeypatch) -> Callable[..., float]:
    """Drains by a script, and sees what is said of the count; how many seconds it has taken."""

    def run(script: Script, *, quiet_s: float = 0.0, timeout_s: float = 300.0) -> float:
        monkeypatch.setattr(draining, "time", script)
        start = script.now
        arguments = {"timeout_s": timeout_s, "arrivals": script.arrivals, "quiet_s": quiet_s}
        counted = drain(script, "pets", "1.0", **arguments)
        assert counted is (script.named[-1] is not None)
        return script.now - start

    return run


@pytest.mark.parametrize(
    ("script", "questions"),
    [
        pytest.param(Script(), 1, id="idle"),
        pytest.param(Script(answers=(0,)), 1, id="one worker that does not say who it is"),
        pytest.param(Script(workers=()), 0, id="no worker that could answer"),
        pytest.param(Script((1, 2), answers=(1, 1, 2)), 3, id="two workers, until each has"),
        pytest.param(Script(answers=(REFUSED, REFUSED, 1)), 3, id="no answer is none"),
        pytest.param(Script(pending=(2, 1, 0)), 1, id="not while requests wait"),
        pytest.param(
            # The looks: at the start, and after what has been answered.
            Script((1, 2), pending=(0, 1, 0), answers=(1, 2, 1, 2)),
            3,
            id="who answered before others waited has to answer again",
        ),
        pytest.param(
            Script((1, 2), named=(5.0, 5.0, 6.0, 6.0), answers=(1, 2, 1)),
            3,
            id="who answered before the version was named again, too",
        ),
        pytest.param(
            Script(named=(5.0, 5.0, 6.0, 6.0)), 2, id="named after the answer, before the removal"
        ),
        pytest.param(Script(named=(None,)), 1, id="nobody counts who names it"),
        pytest.param(Script(named=(5.0, 5.0, None)), 2, id="nor any more, midway"),
        pytest.param(Script(named=(5.0, None, 5.0)), 2, id="nor for a moment"),
    ],
)
def test_asks_until_everything_before_is_answered(script, questions, play):
    play(script)
    assert script.questions == questions


def test_several_that_do_not_say_who_they_are_have_as_long_as_torchserve_lets_them(play):
    script = Script((1, 2), answers=(0,))
    assert RESPONSE_TIMEOUT_S < play(script) < RESPONSE_TIMEOUT_S + 5


def test_one_that_comes_meanwhile_has_as_long_again(play):
    looks = itertools.repeat(5.0, 200)
    script = Script((1, 2), answers=(0,), named=(*looks, 6.0))
    assert play(script) > RESPONSE_TIMEOUT_S + 15


@pytest.mark.parametrize(
    ("named", "at_least_s"),
    [
        pytest.param((5.0,), 20, id="since it was looked at first"),
        pytest.param((*[5.0] * 50, 6.0), 24, id="since the last one that named it"),
    ],
)
def test_a_version_that_was_named_has_to_be_left_alone_for_a_while(named, at_least_s, play):
    assert at_least_s <= play(Script(named=named), quiet_s=20) < at_least_s + 10


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        pytest.param(Script(pending=(3,)), "3 requests wait in its queue.", id="waiting"),
        pytest.param(
            Script(named=tuple(map(float, range(5, 10_000)))),
            r"0 requests wait in its queue, and \d+ have named it meanwhile.",
            id="named again and again",
        ),
    ],
)
def test_says_what_keeps_a_version_in_use(script, sentence, play):
    with pytest.raises(NotDrained, match=f"pets 1.0 is still in use after 30 s: {sentence}"):
        play(script, timeout_s=30)


@pytest.mark.parametrize("timeout_s", [1, 2, 10, RESPONSE_TIMEOUT_S])
def test_a_worker_that_is_stuck_is_not_waited_for_twice_as_long(timeout_s, play):
    script = Script(answers=(STUCK,))
    with pytest.raises(NotDrained):
        play(script, timeout_s=timeout_s)
    assert script.now - 1000 < timeout_s + 2
