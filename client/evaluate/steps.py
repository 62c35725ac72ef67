"""How far a long computation is, and the wish to end it."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

from client.progress import Progress

Step: TypeAlias = Callable[[str], None]
"""Called again and again with what is being done; what it raises ends that."""

_REDRAW_S = 0.1


class Stopped(Exception):
    """The wish was granted before the end."""


class Steps:
    """A `Step` that shows on stderr what is being done, and ends it where that is wished."""

    def __init__(self, count: int, *, stopped: Callable[[], bool] = lambda: False) -> None:
        """Set up.

        Args:
            count: How many different sentences are expected.
            stopped: Says whether to stop.
        """
        self._count = count
        self._stopped = stopped
        self._progress: Progress | None = None
        self._sentence = ""
        self._shown_at = 0.0

    def __call__(self, sentence: str) -> None:
        """Go on with what the sentence says.

        Raises:
            Stopped: It is not to go on.
        """
        if self._stopped():
            raise Stopped
        now = time.monotonic()
        if sentence == self._sentence and now - self._shown_at < _REDRAW_S:
            return
        self._sentence, self._shown_at = sentence, now
        if self._progress is None:  # seconds count from the first step
            self._progress = Progress(self._count)
        self._progress.step(sentence)

    def __enter__(self) -> Self:
        """Begin; nothing is shown yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.end()


def no_step(_: str) -> None:
    """Of those whom nobody watches."""
