"""Files that a run can do without: what is in their way ends nothing else."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, Self, TypeVar

import cv2

from client.errors import ClientError

Part = TypeVar("Part")


class Attempt(Generic[Part]):
    """A file that is written within a `with` block, as long as nothing is in the way.

    Attributes:
        problem: Why it is not there, in a sentence; None where it is.
    """

    def __init__(self, opened: AbstractContextManager[Callable[[Part], object]]) -> None:
        """Set up.

        Args:
            opened: Gives what writes a part; the file is there when its block ends well.
        """
        self.problem: str | None = None
        self._opened = opened
        self._stack = contextlib.ExitStack()
        self._write: Callable[[Part], object] | None = None

    def write(self, part: Part) -> None:
        """Write a part, unless something was in the way before."""
        if self._write is None:
            return
        try:
            self._write(part)
        except (ClientError, OSError, cv2.error) as error:
            self.problem = str(error)
            self._end(error)

    def __enter__(self) -> Self:
        try:
            self._write = self._stack.enter_context(self._opened)
        except ClientError as error:
            self.problem = str(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._write = None
        try:
            self._stack.__exit__(
                None if error is None else type(error),
                error,
                None if error is None else error.__traceback__,
            )
        except ClientError as problem:
            self.problem = str(problem)
