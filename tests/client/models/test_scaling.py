"""More workers and fewer: what a signal and a failure leave behind."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from client.errors import RequestRefused
from client.inference import InferenceApi
from client.management import READY, ServedVersion, Worker
from client.models.errors import UndoFailed
from client.models.interrupts import Interrupts
from client.models.scaling import scale
from client.models.site import Site
from client.models.store import ModelStore

LOADING = "WORKER_STARTED"
REFUSED = RequestRefused(500, "InternalServerException", "Failed to start workers")


def nothing() -> None:
    pass


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def refuse() -> None:
    raise REFUSED


@dataclass
class Script:
    """A server.

    Attributes:
        states: Of its workers.
        new: Of those that the first scaling starts.
        act: What happens when it has started them.
        asked: How many workers were asked for, each time.
    """

    states: tuple[str, ...]
    new: tuple[str, ...]
    act: Callable[[], None]
    asked: list[int] = field(default_factory=list)

    def version(self, model: str, version: str | None = None) -> ServedVersion:
        workers = tuple(Worker(str(n), state, n) for n, state in enumerate(self.states, 9000))
        return ServedVersion("pets", "1.0", "pets.mar", workers, len(workers), 9, 0, 60)

    def scale(self, model: str, version: str, *, workers: int, timeout_s: float) -> None:
        self.asked.append(workers)
        if len(self.asked) == 1:
            self.states = (*self.states, *self.new)[:workers]
            self.act()


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as taken:
        yield taken


def scaled(script: Script, workers: int, interrupts: Interrupts, folder: Path) -> None:
    site = Site(script, InferenceApi("http://x"), ModelStore(folder), interrupts=interrupts)
    scale(site, script.version("pets"), workers, timeout_s=1)


@pytest.mark.parametrize("act", [nothing, interrupt])
@pytest.mark.parametrize(
    ("states", "workers"),
    [
        pytest.param((READY,), 3, id="more"),
        pytest.param((READY,), 1, id="as many"),
        pytest.param((READY, READY), 1, id="fewer"),
    ],
)
def test_what_is_done_is_not_interrupted(states, workers, act, interrupts, tmp_path):
    script = Script(states, (READY, READY), act)
    scaled(script, workers, interrupts, tmp_path)
    interrupt()
    assert script.asked == [workers]


@pytest.mark.parametrize(
    ("act", "raised"), [(interrupt, KeyboardInterrupt), (refuse, RequestRefused)]
)
def test_new_workers_that_do_not_answer_yet_are_ended(act, raised, interrupts, tmp_path):
    script = Script((READY,), (LOADING, LOADING), act)
    with pytest.raises(raised):
        scaled(script, 3, interrupts, tmp_path)
    assert script.asked == [3, 1]


@pytest.mark.parametrize("act", [interrupt, refuse])
def test_what_a_new_worker_may_be_at_is_not_lost(act, interrupts, tmp_path):
    script = Script((READY,), (READY, LOADING), act)
    with pytest.raises(UndoFailed, match=r"1 of the new workers of pets 1\.0 can answer requests"):
        scaled(script, 3, interrupts, tmp_path)
    assert script.asked == [3]
