"""Says what is going on, and how long it will still take."""

import time
from collections.abc import Callable

Say = Callable[[str], None]


class Progress:
    """Steps of a run, each with the time that it is expected to take.

    What is left is estimated from how long the steps so far took against what was expected of them.
    """

    def __init__(self, say: Say, expected: dict[str, float]) -> None:
        """Set up.

        Args:
            say: Gets a line for every step.
            expected: Seconds by name of the step, in their order; only their proportions count.
        """
        self._say = say
        self._expected = expected
        self._start = time.monotonic()
        self._done = 0.0
        self._at_hand: str | None = None

    def step(self, name: str, detail: str = "") -> None:
        """The step before has ended, this one begins."""
        if self._at_hand is not None:
            self._done += self._expected.pop(self._at_hand, 0.0)
        self._at_hand = name
        text = f"{name}: {detail}" if detail else name
        self._say(f"{text} ({_passed(time.monotonic() - self._start)} so far, {self._left()})")

    def _left(self) -> str:
        left = sum(self._expected.values())
        if not self._done:
            return f"about {_passed(left)} left"
        pace = (time.monotonic() - self._start) / self._done
        return f"about {_passed(left * pace)} left"


def _passed(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
