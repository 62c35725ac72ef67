"""Progress of a command: a bar for people, lines for logs."""

import sys
import time
from typing import TextIO

_WIDTH = 24
_REDRAW_S = 0.1
_LOG_S = 30.0
_CLEAR_LINE = "\r\x1b[K"


class _Shown:
    """A stream that is shown something, as long as it takes it: none of it is worth a failure."""

    def __init__(self, stream: TextIO | None) -> None:
        # Python has None for stderr where its descriptor was closed.
        self._stream: TextIO | None = sys.stderr if stream is None else stream
        self.is_terminal = self._stream is not None and self._stream.isatty()

    def show(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            print(text, end="", file=self._stream, flush=True)
        except (OSError, ValueError):  # a pipe without a reader, a closed terminal or stream
            self._stream = None

    def clear(self) -> None:
        if self.is_terminal:
            self.show(_CLEAR_LINE)


class Progress:
    """Shows which step a command is at; on a terminal as a bar that is redrawn.

    Where its stream takes nothing any more, it keeps silent.
    """

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        """Set up.

        Args:
            steps: How many different sentences are expected.
            stream: Where to show it; None is stderr.
        """
        self._steps = steps
        self._shown = _Shown(stream)
        self._start = time.monotonic()
        self._done = -1
        self._sentence = ""

    def step(self, sentence: str) -> None:
        """A step has begun, or still lasts where the sentence is the last one."""
        is_terminal = self._shown.is_terminal
        if sentence != self._sentence:
            self._sentence = sentence
            self._done = min(self._done + 1, self._steps)
        elif not is_terminal:
            return
        passed = f"{time.monotonic() - self._start:.0f} s"
        if is_terminal:
            filled = _WIDTH * self._done // self._steps
            bar = "#" * filled + "-" * (_WIDTH - filled)
            self._shown.show(f"{_CLEAR_LINE}[{bar}] {sentence}, {passed}")
        else:
            self._shown.show(f"{passed:>6} {sentence}\n")

    def end(self) -> None:
        """Take the bar away."""
        self._shown.clear()


class ImageProgress:
    """Shows how far a run over many images is: how many, how fast, how long it still takes.

    Where its stream takes nothing any more, it keeps silent.
    """

    def __init__(
        self, total: int | None, *, unit: str = "images", stream: TextIO | None = None
    ) -> None:
        """Set up.

        Args:
            total: How many there are; None is not known.
            unit: What they are.
            stream: Where to show it; None is stderr.
        """
        self.total = total
        self._unit = unit
        self._shown = _Shown(stream)
        self._every_s = _REDRAW_S if self._shown.is_terminal else _LOG_S
        self._start = time.monotonic()
        self._last = float("-inf") if self._shown.is_terminal else self._start
        self._done = self._fresh = 0

    def step(self, *, fresh: bool = True) -> None:
        """One more is done.

        Args:
            fresh: Whether it was asked about now; those of an earlier run say nothing of the speed.
        """
        self._done += 1
        self._fresh += fresh
        now = time.monotonic()
        if now - self._last >= self._every_s:
            self._last = now
            line = self.line(now)
            self._shown.show(f"{_CLEAR_LINE}{line}" if self._shown.is_terminal else f"{line}\n")

    def end(self) -> None:
        """Take the bar away."""
        self._shown.clear()

    def line(self, now: float | None = None) -> str:
        """What is shown.

        Args:
            now: Of `time.monotonic`.
        """
        passed = max((time.monotonic() if now is None else now) - self._start, 1e-9)
        per_second = self._fresh / passed
        parts = [f"{self._done} of {self.total}" if self.total else f"{self._done}"]
        parts[0] += f" {self._unit}"
        parts.append(f"{per_second:.1f} {self._unit}/s")
        if self.total and per_second:
            left = max(self.total - self._done, 0)
            parts.append(f"{_clock(left / per_second)} left")
        if self.total:
            filled = min(_WIDTH * self._done // self.total, _WIDTH)
            parts[0] = f"[{'#' * filled}{'-' * (_WIDTH - filled)}] {parts[0]}"
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
