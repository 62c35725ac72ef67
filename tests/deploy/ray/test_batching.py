"""Batches are taken when the one before is answered, so that what waits goes together."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.ray.batching import Batcher


class Function:
    """Doubles numbers, one call at a time, each when it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Semaphore(0 if held else 1_000_000)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.go.acquire()
        if -1 in items:
            raise ValueError("-1")
        return [2 * item for item in items]


def batcher(function: Function, *, size: int = 4, wait_s: float = 0.0, timeout_s: float = 10.0):
    executor = ThreadPoolExecutor(1)
    return Batcher(function, executor=executor, size=size, wait_s=wait_s, timeout_s=timeout_s)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_one_alone_waits_for_nobody():
    async def run() -> None:
        function = Function()
        assert await batcher(function).answer(3) == 6
        assert function.batches == [[3]]

    asyncio.run(run())


def test_a_batch_fills_while_it_may_wait():
    async def run() -> None:
        function = Function()
        one = batcher(function, wait_s=10.0)
        assert await asyncio.gather(*(one.answer(n) for n in range(4))) == [0, 2, 4, 6]
        assert function.batches == [[0, 1, 2, 3]]

    asyncio.run(run())


def test_what_comes_while_a_batch_is_answered_goes_together():
    async def run() -> None:
        function = Function(held=True)
        one = batcher(function)
        answers = [asyncio.create_task(one.answer(0))]
        await until(lambda: function.batches == [[0]])
        answers += [asyncio.create_task(one.answer(n)) for n in range(1, 8)]
        for _ in range(3):
            await asyncio.sleep(0.01)  # long after any wait for others
            function.go.release()
        assert await asyncio.gather(*answers) == [2 * n for n in range(8)]
        assert function.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]

    asyncio.run(run())


def test_who_has_left_takes_no_place():
    async def run() -> None:
        function = Function(held=True)
        one = batcher(function, size=2)
        first = asyncio.create_task(one.answer(0))
        await until(lambda: function.batches == [[0]])
        waiting = [asyncio.create_task(one.answer(n)) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        function.go.release(3)
        assert await asyncio.gather(first, *waiting[1:]) == [0, 4, 6]
        assert function.batches == [[0], [2, 3]]

    asyncio.run(run())


def test_an_error_is_of_its_batch_alone():
    async def run() -> None:
        one = batcher(Function(), size=1)
        with pytest.raises(ValueError, match="-1"):
            await one.answer(-1)
        assert await one.answer(1) == 2

    asyncio.run(run())


def test_a_call_that_takes_too_long_is_given_up():
    async def run() -> None:
        function = Function(held=True)
        one = batcher(function, size=1, timeout_s=0.05)
        asking = asyncio.create_task(one.answer(0))
        await until(lambda: function.batches == [[0]])
        later = asyncio.create_task(one.answer(1))
        with pytest.raises(TimeoutError, match=r"No answer within 0\.05 s"):
            await asking
        await asyncio.sleep(0.1)
        assert not later.done()  # it ends with the process, and is asked again elsewhere
        later.cancel()
        function.go.release(2)

    asyncio.run(run())
