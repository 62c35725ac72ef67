"""What was begun is undone when it fails, whatever else goes wrong meanwhile."""

import contextlib
from collections.abc import Callable, Iterator

from client.models.errors import UndoFailed
from client.models.site import Site


@contextlib.contextmanager
def undone_on_failure(site: Site, sentence: str) -> Iterator[list[Callable[[], None]]]:
    """Undo a block where it fails or is interrupted.

    Args:
        site: Where; no signal interrupts the way back.
        sentence: Says that it is gone back.

    Yields:
        A list for what undoes each step of the block. It is run from its end, and all of it, even
        where some of it fails.

    Raises:
        UndoFailed: Something of it failed; the block's own failure is its cause, and in its words.
        BaseException: Otherwise the block's own failure.
    """
    steps: list[Callable[[], None]] = []
    try:
        yield steps
    except BaseException as error:
        problems: list[str] = []
        with site.interrupts.held():
            with contextlib.suppress(Exception):  # nothing that is only said keeps from going back
                site.step(sentence)
            for step in reversed(steps):
                try:
                    step()
                except Exception as problem:
                    problems.append(str(problem) or repr(problem))
        if problems:
            raise UndoFailed(str(error) or "Interrupted.", problems) from error
        raise
