"""Ctrl-C and SIGTERM as a wish, which a loop grants where nothing is half done."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME_WISH_S = 0.5
_EXIT_CODE_OF_SIGNALS = 128  # what shells report of a program that a signal ended


class Stop:
    """Within a `with` block the first signal is remembered, a later one ends the process at once.

    Nothing is raised, so that no signal can cut a file or a cleanup in two. Called, it says whether
    there was a signal. One that comes right after the first is the same wish: what is sent to a
    group of processes, and passed on by one of them, comes twice.
    """

    def __init__(self, say: Callable[[], None] = lambda: None) -> None:
        """Set up.

        Args:
            say: Called at the first signal, to tell whoever waits.
        """
        self._say = say
        self._signal: int | None = None
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 after neither."""
        return 0 if self._signal is None else _EXIT_CODE_OF_SIGNALS + self._signal

    def __enter__(self) -> Self:
        """Take the signals."""
        # Shells start background jobs with SIGINT ignored, and Python then leaves it so.
        self._before = {one: signal.signal(one, self._receive) for one in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give them back."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._signal is None:
            self._signal, self._since = number, now
            # A signal in the middle of a print finds a stream that takes no other one.
            with contextlib.suppress(RuntimeError):
                self._say()
        elif now - self._since > _SAME_WISH_S:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def say_waiting() -> None:
    """Tell whoever has pressed Ctrl-C that what is under way is waited for."""
    # Not through sys.stderr: a signal may come in the middle of a line of the progress bar.
    with contextlib.suppress(OSError):  # closed, or nobody reads it any more
        os.write(
            2, b"\nStopping when what is under way is answered; a second signal ends it at once.\n"
        )
