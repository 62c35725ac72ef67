"""Ctrl-C and a supervisor's signals: the first one interrupts, and what it interrupts is undone."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """Within a `with` block SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, the first of them.

    What was begun is undone then, and a second signal must not leave that half done: Ctrl-C sent to
    a group of processes, and passed on by one of them, comes twice within a millisecond.
    """

    def __init__(self) -> None:
        self._asked = self._held = self._settled = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take the signals."""
        self._asked = self._held = self._settled = False
        # Shells start background jobs with SIGINT ignored, and Python then leaves it so.
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it ignored
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._receive)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing interrupt the block; signals that come meanwhile are dropped.

        For what ends a command anyway: going back after a failure, the last step of a success.
        """
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before

    def settle(self) -> None:
        """Let nothing interrupt from here on: what was asked for is done, and not undone any more.

        A KeyboardInterrupt would say that it was. It holds until the `with` block of all ends.
        """
        self._settled = True

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Let signals interrupt the block although all is settled: it may be left undone."""
        before, self._settled = self._settled, False
        try:
            yield
        finally:
            self._settled = before

    def raise_again(self) -> None:
        """Raise what was asked for and has arrived nowhere; to be called now and then.

        Python drops what a signal raises while an object is taken away, such as the connections of
        a finished request.
        """
        if self._asked and not (self._held or self._settled):
            raise KeyboardInterrupt

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._asked or self._held or self._settled:
            return
        self._asked = True
        raise KeyboardInterrupt
