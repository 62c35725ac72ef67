"""Several threads at once, which end with the program: nobody waits for them after Ctrl-C."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Self, TypeVar

T = TypeVar("T")


def together(tasks: Sequence[Callable[[], object]]) -> None:
    """Begin all at the same moment, each in a thread of its own, and wait for them."""
    at_once = threading.Barrier(len(tasks))

    def run(task: Callable[[], object]) -> None:
        at_once.wait()
        task()

    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Shared(Generic[T]):
    """An iterator from which several threads may take."""

    def __init__(self, source: Iterable[T]) -> None:
        """Set up.

        Args:
            source: What is taken from.
        """
        self._source: Iterator[T] = iter(source)
        self._lock = threading.Lock()

    def __iter__(self) -> Self:
        """Itself."""
        return self

    def __next__(self) -> T:
        """The next one, for one thread alone."""
        with self._lock:
            return next(self._source)
