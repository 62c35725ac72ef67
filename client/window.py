"""Many requests at a time, and no more than so many."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    ending: Callable[[], None] = lambda: None,
) -> Generator[tuple[Item, Result]]:
    """Call a function on items in a bounded pool of threads.

    Items are taken when there is room, so that neither they nor results pile up however many there
    are: at most twice as many as there are workers are under way. When the iterator is closed
    (`contextlib.closing`, where the loop over it may fail) or fails itself, what has not begun is
    dropped, and what has is waited for.

    Args:
        function: Called in a thread.
        items: Taken in the calling thread.
        workers: How many threads.
        ending: Called before what has begun is waited for, so that it can be told to hurry.

    Yields:
        Each item and its result, in the order of the items.

    Raises:
        Exception: What `function` or `items` raised, at its place in the order.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for item in items:
            pending.append((item, pool.submit(function, item)))
            if len(pending) >= 2 * workers:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        ending()
        pool.shutdown(wait=True, cancel_futures=True)
