"""Steps of which each item's failure stays its own."""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias, TypeVar

from handler.errors import HandlerError, InternalError

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")
Outcome: TypeAlias = T | HandlerError
"""What a step gives for one item: a value, or the error that the item is answered with."""


class Timings(dict[str, float]):
    """Milliseconds that each stage took for one request; several threads may add to them."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def add(self, stage: str, duration_ms: float) -> None:
        """Count what a stage took for one of the request's images."""
        with self._lock:
            self[stage] = self.get(stage, 0.0) + duration_ms

    def move(self, stage: str, part: str, duration_ms: float) -> None:
        """Count a part of a stage as a stage of its own, before it."""
        with self._lock:
            if stage in self:
                rest = self.pop(stage) - duration_ms
                self[part] = self.get(part, 0.0) + duration_ms
                self[stage] = max(rest, 0.0)

    def header(self) -> str:
        """The value of a Server-Timing header (https://www.w3.org/TR/server-timing/)."""
        return ", ".join(f"{stage};dur={duration:.2f}" for stage, duration in self.items())


def attempt(
    step: Callable[[T], U], value: Outcome[T], timings: Timings | None = None, stage: str = ""
) -> Outcome[U]:
    """Run one step for one item; what goes wrong, now or before, stays with that item.

    Args:
        step: The step.
        value: What it works on; an error is passed through.
        timings: Where the time that it takes is added, under `stage`.
        stage: Name of the stage.
    """
    if isinstance(value, HandlerError):
        return value
    start = time.perf_counter()
    try:
        return step(value)
    except HandlerError as error:
        return error
    except Exception:
        failure = InternalError()
        log.exception("%s: %s failed", failure.id, getattr(step, "__qualname__", step))
        return failure
    finally:
        if timings is not None:
            timings.add(stage, (time.perf_counter() - start) * 1000)
