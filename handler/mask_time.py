"""Tells the time that masks take apart from the rest of writing an answer.

Formats turn masks into run lengths or outlines deep inside their documents. Those functions count
their own time here, for whoever measures.
"""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_spent_ms: ContextVar[list[float] | None] = ContextVar("time spent on masks", default=None)


@contextmanager
def measured() -> Iterator[list[float]]:
    """Collect the milliseconds of every counted function that is called inside the block."""
    spent_ms: list[float] = []
    token = _spent_ms.set(spent_ms)
    try:
        yield spent_ms
    finally:
        _spent_ms.reset(token)


def counted(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function count its time where somebody measures."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        spent_ms = _spent_ms.get()
        if spent_ms is None:
            return function(*args, **kwargs)
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent_ms.append((time.perf_counter() - start) * 1000)

    return wrapper
