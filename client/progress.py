"""Progress of a command: a bar for people, lines for logs."""

import sys
import time
from typing import TextIO

_WIDTH = 24
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Shows which step a command is at; on a terminal as a bar that is redrawn."""

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        """Set up.

        Args:
            steps: How many different sentences are expected.
            stream: Where to show it; None is stderr.
        """
        self._steps = steps
        self._stream = sys.stderr if stream is None else stream
        self._start = time.monotonic()
        self._done = -1
        self._sentence = ""

    def step(self, sentence: str) -> None:
        """A step has begun, or still lasts where the sentence is the last one."""
        if sentence != self._sentence:
            self._sentence = sentence
            self._done = min(self._done + 1, self._steps)
        elif not self._stream.isatty():
            return
        passed = f"{time.monotonic() - self._start:.0f} s"
        if self._stream.isatty():
            filled = _WIDTH * self._done // self._steps
            bar = "#" * filled + "-" * (_WIDTH - filled)
            print(f"{_CLEAR_LINE}[{bar}] {sentence}, {passed}", end="", file=self._stream)
        else:
            print(f"{passed:>6} {sentence}", file=self._stream)
        self._stream.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._stream.isatty():
            print(_CLEAR_LINE, end="", file=self._stream, flush=True)
