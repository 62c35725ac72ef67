"""What a signal asks of a running server: to stop in order, or at once."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class StopInOrder(KeyboardInterrupt):
    """Stop when everything that has arrived is answered."""


class StopSignals:
    """SIGTERM, a supervisor's signal, raises `StopInOrder` once.

    Ctrl-C, a closed terminal and every later signal raise KeyboardInterrupt: stop at once.
    """

    def __init__(self) -> None:
        self._asked = self._held = False
        self._pending: KeyboardInterrupt | None = None
        self._raised: KeyboardInterrupt | None = None

    def install(self) -> None:
        """Take the signals from now on."""
        # Shells start background jobs with SIGINT ignored, and Python then leaves it so.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it ignored
            signal.signal(signal.SIGHUP, self._receive)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise what comes within the block at its end: nothing in it is left half done."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._pending:
            raise self._pending

    def raise_again(self) -> None:
        """Raise what was asked for and has arrived nowhere.

        Python drops what a signal raises while an object is taken away, such as the connections of
        a finished request: one SIGTERM in twenty that came while the server was asked something.
        """
        if self._raised:
            raise self._raised

    def _receive(self, number: int, frame: FrameType | None) -> None:
        first = number == signal.SIGTERM and not self._asked
        self._asked = True
        request = StopInOrder() if first else KeyboardInterrupt()
        if not self._held:
            self._raised = request
            raise request
        self._pending = request
