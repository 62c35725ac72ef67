import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from client.errors import ClientError
from client.inference import InferenceApi
from client.management import ManagementClient
from client.models.errors import StoreError, UndoFailed
from client.models.interrupts import Interrupts
from client.models.site import Site
from client.models.store import ModelStore
from client.models.undo import undone_on_failure


@pytest.fixture
def steps() -> list[str]:
    return []


@pytest.fixture
def site(tmp_path: Path, steps) -> Site:
    clients = ManagementClient("http://x"), InferenceApi("http://x")
    with Interrupts() as interrupts:
        yield Site(*clients, ModelStore(tmp_path), step=steps.append, interrupts=interrupts)


def fail_with(error: BaseException, site: Site, *undo: Callable[[], None]) -> None:
    """A block that fails; what undoes it."""
    with undone_on_failure(site, "going back") as steps:
        steps.extend(undo)
        raise error


def test_what_succeeds_is_not_undone(site, steps):
    with undone_on_failure(site, "going back") as undo:
        undo.append(lambda: steps.append("undone"))
    assert steps == []


@pytest.mark.parametrize(
    "error", [ClientError("It is broken."), KeyboardInterrupt()], ids=["failure", "ctrl-c"]
)
def test_what_was_begun_is_undone_from_its_end(error, site, steps):
    undo = [lambda: steps.append("first"), lambda: steps.append("second")]
    with pytest.raises(type(error)) as caught:
        fail_with(error, site, *undo)
    assert caught.value is error
    assert steps == ["going back", "second", "first"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ClientError("It is broken."), "It is broken."), (KeyboardInterrupt(), "Interrupted.")],
    ids=["failure", "ctrl-c"],
)
def test_all_is_tried_and_both_causes_are_said(error, cause, site, steps):
    def fail(problem: Exception):
        def step() -> None:
            raise problem

        return step

    undo = [
        fail(StoreError("The disk is full.")),
        lambda: steps.append("undone"),
        fail(KeyError("workers")),
    ]
    with pytest.raises(UndoFailed) as caught:
        fail_with(error, site, *undo)
    assert str(caught.value) == (
        f"{cause} Going back failed as well: 'workers' The disk is full. `list` says what is "
        "served now."
    )
    assert caught.value.__cause__ is error
    assert steps == ["going back", "undone"]


@pytest.mark.parametrize(
    "problem", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed")]
)
def test_nothing_that_is_only_said_keeps_from_going_back(problem, site, steps):
    def say(sentence: str) -> None:
        raise problem

    with pytest.raises(ClientError, match=r"^It is broken\.$"):
        fail_with(
            ClientError("It is broken."), replace(site, step=say), lambda: steps.append("undone")
        )
    assert steps == ["undone"]


def interrupt_again(steps: list[str]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    steps.append("undone")


def test_a_second_signal_leaves_nothing_half_undone(site, steps):
    undo = [partial(interrupt_again, steps)] * 2

    def interrupted() -> None:
        with undone_on_failure(site, "going back") as undoing:
            undoing.extend(undo)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert steps == ["going back", "undone", "undone"]


def test_nor_does_the_first_one_after_a_failure(site, steps):
    with pytest.raises(ClientError, match="broken"):
        fail_with(ClientError("It is broken."), site, partial(interrupt_again, steps))
    assert steps == ["going back", "undone"]
