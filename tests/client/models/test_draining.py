"""Whether a version has answered everything: by a script of what the server says, and for real."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
import requests

from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.management import READY, ManagementClient, ServedVersion, Worker
from client.models import draining
from client.models.archive import Archive, verify
from client.models.draining import NotDrained, drain
from client.models.gates import load
from client.models.rollout import rollback
from tests.client.models.conftest import MODEL, Workbench
from torture.variants import ENTRY, appended

HOLDS_WHEN_ASKED = appended(
    """import pathlib, time
_answer = Detectron2Handler.handle
def _held(self, data, context):
    hold = context.get_all_request_header(0).get("X-Hold")
    if hold:
        pathlib.Path(hold + ".arrived").touch()
        while not pathlib.Path(hold + ".let-go").exists():
            time.sleep(0.01)
    return _answer(self, data, context)
Detectron2Handler.handle = _held
"""
)
SAYS_NOT_WHO_ANSWERS = appended(
    """_plain = describe
def describe(*args, **kwargs):
    return {k: v for k, v in _plain(*args, **kwargs).items() if k != "worker"}
"""
)

# --- By a script --------------------------------------------------------------------------------

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


# --- On a real server ---------------------------------------------------------------------------


def until(condition: Callable[[], bool], *, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.02)


class HeldRequest(threading.Thread):
    """A request that stays in its worker until it is let go."""

    numbers = itertools.count()

    def __init__(self, bench: Workbench, path: str, timeout_s: float = 120) -> None:
        super().__init__(daemon=True)
        self._timeout_s = timeout_s
        self._url = f"{bench.site.inference.url}/predictions/{path}"
        self._hold = bench.folder / f"request-{next(self.numbers)}"
        self._headers = {
            "Authorization": f"Bearer {bench.site.inference.token}",
            "Content-Type": "image/png",
            "X-Hold": str(self._hold),
        }
        self._image = bench.gates.images[0].content
        self.answer: requests.Response | None = None

    def run(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self.answer = requests.post(
                self._url, data=self._image, headers=self._headers, timeout=self._timeout_s
            )

    def arrive(self) -> None:
        """Send it; returns when a worker has it."""
        self.start()
        until(self._hold.with_suffix(".arrived").exists)

    def let_go(self) -> None:
        self._hold.with_suffix(".let-go").touch()


def pending(bench: Workbench, version: str) -> int:
    return bench.site.management.version(MODEL, version).pending


@contextlib.contextmanager
def beside(bench: Workbench, edits: dict, workers: int = 1) -> Iterator[Archive]:
    """A version beside the default one, which is gone in the end."""
    archive = verify(bench.variant({ENTRY: HOLDS_WHEN_ASKED, **edits}))
    bench.site.store.keep(archive)
    load(bench.site, archive, workers, bench.gates)
    default = bench.default()
    try:
        yield archive
    finally:
        bench.site.management.set_default(MODEL, default)
        if archive.version in bench.versions():
            bench.site.management.unregister(MODEL, archive.version)


@pytest.fixture(scope="module")
def holding(bench) -> Iterator[str]:
    """A version with one worker."""
    with beside(bench, {}) as archive:
        yield archive.version


@pytest.mark.parametrize(
    ("workers", "edits"),
    [
        pytest.param(
            1, {"handler/description.py": SAYS_NOT_WHO_ANSWERS}, id="one, and it says not who it is"
        ),
        pytest.param(2, {}, id="two, and they do"),
    ],
)
def test_a_busy_worker_is_waited_for(workers, edits, bench):
    old = bench.default()
    with beside(bench, edits, workers) as archive:
        bench.site.management.set_default(MODEL, archive.version)
        request = HeldRequest(bench, MODEL)
        looks = itertools.count()
        seen: list[bool] = []

        def let_go_when_it_is_waited_for() -> None:
            # The question waits behind the request; or the other worker has answered many.
            until(lambda: pending(bench, archive.version) > 0 or next(looks) > 20)
            seen.append(request.is_alive())
            request.let_go()

        def ask_before_the_switch(sentence: str) -> None:
            if "making it the default" in sentence:
                request.arrive()
            if "answered everything" in sentence and not seen:
                seen.append(request.is_alive())
                threading.Thread(target=let_go_when_it_is_waited_for).start()

        site = bench.watched(ask_before_the_switch)
        back = rollback(site, MODEL, bench.gates, to=old)
        request.join()
        assert seen == [True, True]
        assert request.answer.status_code == 200
        assert request.answer.json()["model"]["version"] == archive.version
        assert back.drained
        assert archive.version not in bench.versions()
    bench.site.management.scale(MODEL, None, workers=1, timeout_s=60)  # it had as many as those


def test_requests_that_wait_are_waited_for(holding, bench):
    waiting = [HeldRequest(bench, f"{MODEL}/{holding}") for _ in range(3)]
    waiting[0].arrive()
    for one in waiting[1:]:
        one.start()
    until(lambda: pending(bench, holding) == 2)
    with pytest.raises(
        NotDrained, match=rf"coins {holding} is still in use after 1 s: \d requests"
    ):
        drain(bench.site.management, MODEL, holding, timeout_s=1)
    for one in waiting:
        one.let_go()
    drain(bench.site.management, MODEL, holding, timeout_s=60)
    for one in waiting:
        one.join()
        assert one.answer.status_code == 200


@dataclass(frozen=True)
class AfterTheFirstAnswer(ManagementClient):
    """A management client that does something when a version has answered its first question."""

    act: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)

    def ask_itself(self, model, version=None, *, timeout_s=None):
        said = super().ask_itself(model, version, timeout_s=timeout_s)
        self.asked.append(version)
        if len(self.asked) == 1:
            self.act()
        return said


def test_a_request_that_names_the_version_at_the_last_moment_is_waited_for(bench):
    """It comes when the worker has said that it is idle, and waits in no queue: it is counted."""
    with beside(bench, {}) as archive:
        version = archive.version
        request = HeldRequest(bench, f"{MODEL}/{version}")

        def let_go_when_it_is_waited_for() -> None:
            until(lambda: pending(bench, version) > 0)
            request.let_go()

        def come_and_be_let_go_later() -> None:
            request.arrive()
            threading.Thread(target=let_go_when_it_is_waited_for).start()

        given = bench.site.management
        management = AfterTheFirstAnswer(
            given.url, given.token, given.timeout_s, act=come_and_be_let_go_later
        )
        drain(
            management,
            MODEL,
            version,
            timeout_s=60,
            arrivals=lambda: bench.site.arrivals(MODEL, version),
        )
        given.unregister(MODEL, version)
        request.join()
        assert request.answer.status_code == 200


def test_a_version_that_stays_busy_is_left_alone(holding, bench):
    """Clients that name a version keep it busy: the switch is done, the removal is not."""
    old = bench.default()
    bench.site.management.set_default(MODEL, holding)
    pinned = HeldRequest(bench, f"{MODEL}/{holding}")

    def ask_before_the_switch(sentence: str) -> None:
        if "making it the default" in sentence:
            pinned.arrive()

    site = bench.watched(ask_before_the_switch)
    back = rollback(site, MODEL, bench.with_gates(drain_timeout_s=1), to=old)
    assert not back.drained
    assert f"{MODEL} {holding} is still in use after 1 s" in back.warnings[0]
    assert f"`unregister {MODEL} {holding}` removes it" in back.warnings[0]
    assert bench.answer() == old
    pinned.let_go()
    pinned.join()
    assert pinned.answer.status_code == 200
    assert holding in bench.versions()
