import os
import signal
from collections.abc import Iterator

import pytest

from client.models.interrupts import Interrupts

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it
    with Interrupts() as taken:
        yield taken
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("second", NUMBERS, ids=lambda one: one.name)
@pytest.mark.parametrize("first", NUMBERS, ids=lambda one: one.name)
def test_the_first_one_interrupts_and_no_other(first, second):
    with pytest.raises(KeyboardInterrupt):
        send(first)
    send(second)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda one: one.name)
def test_nothing_interrupts_while_they_are_held(number, interrupts):
    with interrupts.held():
        with interrupts.held():
            send(number)
        send(number)
    interrupts.raise_again()
    with pytest.raises(KeyboardInterrupt):
        send(number)


def test_one_that_has_arrived_nowhere_is_raised_again(interrupts):
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interrupts.raise_again()
    with interrupts.held():
        interrupts.raise_again()


@pytest.mark.parametrize("number", NUMBERS, ids=lambda one: one.name)
def test_nothing_interrupts_what_is_settled_but_where_it_is_admitted(number, interrupts):
    interrupts.settle()
    with interrupts.held():
        send(number)
    send(number)
    interrupts.raise_again()
    with pytest.raises(KeyboardInterrupt), interrupts.admitted():
        send(number)
    send(number)
    interrupts.raise_again()


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts():
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_gives_the_signals_back():
    before = [signal.getsignal(number) for number in NUMBERS]
    with Interrupts():
        assert [signal.getsignal(number) for number in NUMBERS][:2] != before[:2]
    assert [signal.getsignal(number) for number in NUMBERS] == before
