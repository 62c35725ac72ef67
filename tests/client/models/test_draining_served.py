"""Whether a version has answered everything, on a real server."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from client.management import ManagementClient
from client.models.draining import NotDrained, drain
from client.models.rollout import rollback
from tests.client.models.conftest import MODEL, beside, gate_of, pending
from tests.holding import Caller, statuses, wait_until
from torture.variants import appended

SAYS_NOT_WHO_ANSWERS = appended(
    """_plain = describe
def describe(*args, **kwargs):
    return {k: v for k, v in _plain(*args, **kwargs).items() if k != "worker"}
"""
)


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
        gate = gate_of(bench)
        requests: list[Caller] = []
        looks = itertools.count()
        seen: list[bool] = []

        def let_go_when_it_is_waited_for() -> None:
            # The question waits behind the request; or the other worker has answered many.
            wait_until(lambda: pending(bench, archive.version) > 0 or next(looks) > 20)
            seen.append(requests[0].is_alive())
            gate.open()

        def ask_before_the_switch(sentence: str) -> None:
            if "making it the default" in sentence:
                requests.append(gate.hold(MODEL))
            if "answered everything" in sentence and not seen:
                seen.append(requests[0].is_alive())
                threading.Thread(target=let_go_when_it_is_waited_for).start()

        site = bench.watched(ask_before_the_switch)
        back = rollback(site, MODEL, bench.gates, to=old)
        (request,) = requests
        assert statuses(requests) == [200]
        assert seen == [True, True]
        assert request.answer.json()["model"]["version"] == archive.version
        assert back.drained
        assert archive.version not in bench.versions()
    bench.site.management.scale(MODEL, None, workers=1, timeout_s=60)  # it had as many as those


def test_requests_that_wait_are_waited_for(holding, bench):
    gate, path = gate_of(bench), f"{MODEL}/{holding}"
    requests = [gate.hold(path), gate.send(path), gate.send(path)]
    wait_until(lambda: pending(bench, holding) == 2)
    with pytest.raises(
        NotDrained, match=rf"coins {holding} is still in use after 1 s: \d requests"
    ):
        drain(bench.site.management, MODEL, holding, timeout_s=1)
    gate.open()
    drain(bench.site.management, MODEL, holding, timeout_s=60)
    assert statuses(requests) == [200, 200, 200]


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
        gate = gate_of(bench)
        requests: list[Caller] = []

        def let_go_when_it_is_waited_for() -> None:
            wait_until(lambda: pending(bench, version) > 0)
            gate.open()

        def come_and_be_let_go_later() -> None:
            requests.append(gate.hold(f"{MODEL}/{version}"))
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
        assert statuses(requests) == [200]


def test_a_version_that_stays_busy_is_left_alone(holding, bench):
    """Clients that name a version keep it busy: the switch is done, the removal is not."""
    old = bench.default()
    bench.site.management.set_default(MODEL, holding)
    gate = gate_of(bench)
    pinned: list[Caller] = []

    def ask_before_the_switch(sentence: str) -> None:
        if "making it the default" in sentence:
            pinned.append(gate.hold(f"{MODEL}/{holding}"))

    site = bench.watched(ask_before_the_switch)
    back = rollback(site, MODEL, bench.with_gates(drain_timeout_s=1), to=old)
    assert not back.drained
    assert f"{MODEL} {holding} is still in use after 1 s" in back.warnings[0]
    assert f"`unregister {MODEL} {holding}` removes it" in back.warnings[0]
    assert bench.answer() == old
    gate.open()
    assert statuses(pinned) == [200]
    assert holding in bench.versions()
