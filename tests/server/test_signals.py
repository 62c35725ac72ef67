import os
import signal

import pytest

from server.signals import StopInOrder, StopSignals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def signals():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may have ignored it
    taken = StopSignals()
    taken.install()
    yield taken
    for number, action in before.items():
        signal.signal(number, action)


def send(number: int) -> type[KeyboardInterrupt]:
    with pytest.raises(KeyboardInterrupt) as raised:
        os.kill(os.getpid(), number)
    return raised.type


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("second", NUMBERS, ids=["ctrl-c", "sigterm", "hang-up"])
def test_sigterm_asks_once_for_a_stop_in_order(second):
    assert send(signal.SIGTERM) is StopInOrder
    assert send(second) is KeyboardInterrupt


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "hang-up"])
def test_ctrl_c_and_a_closed_terminal_do_not_wait(number):
    assert send(number) is KeyboardInterrupt
    assert send(signal.SIGTERM) is KeyboardInterrupt


def test_nohup_keeps_a_server_from_the_closed_terminal():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        StopSignals().install()
        os.kill(os.getpid(), signal.SIGHUP)
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def test_what_comes_while_signals_are_held_comes_at_the_end(signals):
    reached = []

    def interrupted() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append("the end")

    with pytest.raises(StopInOrder):
        interrupted()
    assert reached == ["the end"]


def test_of_two_that_are_held_the_one_that_does_not_wait_counts(signals):
    def interrupted_twice() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as raised:
        interrupted_twice()
    assert raised.type is KeyboardInterrupt


def test_nothing_held_is_nothing_raised(signals):
    with signals.held():
        pass


class Leaving:
    """Python drops what is raised while an object is taken away."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_python_drops_is_raised_again(signals):
    signals.raise_again()
    one = Leaving()
    del one
    with pytest.raises(StopInOrder):
        signals.raise_again()
    assert send(signal.SIGTERM) is KeyboardInterrupt
