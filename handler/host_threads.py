"""The host's work on several images at once, and beside the network's.

The images of a batch are decoded at once and their answers encoded at once. Where a batch has more
images than one forward pass takes, as a request with a list of them may, that goes on while the
network runs. Decoders, resizing and encoders let go of Python's lock. On a GPU the worker's cores
would have nothing to do meanwhile; on a CPU the network needs them itself: no threads there.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

_MOST = 8
"""Threads of one worker. A GPU has several workers, and each of them as many."""


class HostThreads:
    """Runs steps for several items at once, or one after the other where there is one thread."""

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(min(number, _MOST), "host") if number > 1 else None

    def ahead(self, step: Callable[[T], U], items: Sequence[T]) -> Callable[[], list[U]]:
        """Begin what is needed later; without threads it is done when it is asked for.

        Args:
            step: Done for each item.
            items: In the order in which the results come.

        Returns:
            Gives the results, and waits for them where it has to.
        """
        if self._pool is None:
            return lambda: [step(item) for item in items]
        futures = [self._pool.submit(step, item) for item in items]
        return lambda: [future.result() for future in futures]

    def behind(self, step: Callable[[T], U], items: Sequence[T]) -> Callable[[], list[U]]:
        """Begin what was waited for; without threads it is done at once, and `items` are free."""
        results = self.ahead(step, items)
        if self._pool is not None:
            return results
        done = results()
        return lambda: done
