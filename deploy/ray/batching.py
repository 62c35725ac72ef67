"""Requests one by one -> batches for one thread.

`serve.batch` cuts a batch at every wait, whether anybody is free to answer it or not: under load
batches of one queue up behind each other (tried with Ray 2.60). Here, as in TorchServe, a batch is
taken when the one before it is answered: what has come meanwhile goes together.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Hands items to a function that answers several at once, one call at a time."""

    def __init__(
        self,
        answer: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        executor: Executor,
        size: int,
        wait_s: float,
        timeout_s: float,
    ) -> None:
        """Set up; nothing runs before the first item.

        Args:
            answer: One result for each item, in their order; called in `executor`.
            executor: Of one thread.
            size: Most items of a batch.
            wait_s: Longest wait of the first item of a batch for others, once the function is free.
            timeout_s: Longest time of a call.
        """
        self._call = answer
        self._executor = executor
        self._size = size
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def answer(self, item: Item) -> Result:
        """Wait for the result of one item.

        Raises:
            TimeoutError: The call took longer than it may. Its thread cannot be stopped, so that no
                later item is answered either: all of them wait until the process ends.
            Exception: Whatever the function raised.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._next()
            items = [item for item, _ in batch]
            futures = [future for _, future in batch]
            try:
                results = await asyncio.wait_for(
                    loop.run_in_executor(self._executor, self._call, items), self._timeout_s
                )
            except TimeoutError:
                _fail(futures, TimeoutError(f"No answer within {self._timeout_s:g} s."))
                return
            except Exception as error:
                _fail(futures, error)
                continue
            for future, result in zip(futures, results, strict=True):
                if not future.done():  # its client may have left
                    future.set_result(result)

    async def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """The items of the next batch, without those whose clients have left."""
        loop = asyncio.get_running_loop()
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        until: float | None = None
        while True:
            while self._waiting and len(batch) < self._size:
                item, future = self._waiting.popleft()
                if not future.done():
                    batch.append((item, future))
            if batch and until is None:
                until = loop.time() + self._wait_s
            left_s = None if until is None else until - loop.time()
            if len(batch) == self._size or (left_s is not None and left_s <= 0):
                return batch
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left_s)
            except TimeoutError:
                return batch


def _fail(futures: Sequence["asyncio.Future[Result]"], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
