"""Ask several questions at a time, until there are no more or somebody wants to stop."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from client.answers.opening import Run
from client.answers.record import Record
from client.answers.run import Source, answered, until
from client.predict.pictures import remove_picture
from client.predict.totals import Totals
from client.progress import ImageProgress
from client.window import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")
Ask: TypeAlias = Callable[[Source], Record | None]


class Stopped(Exception):
    """The run was asked to stop."""


@dataclass
class Asking:
    """What all questions of a run have in common.

    Attributes:
        run: Whom to ask, and the journal.
        folder: Where pictures and videos go.
        workers: How many requests at a time.
        pictures: Whether to draw.
        progress: Shows how far it is.
        stopped: Says whether to stop.
        totals: What it adds up to.
    """

    run: Run
    folder: Path
    workers: int
    pictures: bool
    progress: ImageProgress
    stopped: Callable[[], bool]
    totals: Totals = field(default_factory=Totals)

    def each(
        self, items: Iterable[Item], work: Callable[[Item, Ask], Result | None]
    ) -> Generator[tuple[Item, Result]]:
        """Do something about items, several at a time.

        Args:
            items: Taken when there is room for them.
            work: Called in a thread with an item and what asks; gives None where that gave None.

        Yields:
            Each item and its result, in the order of the items.

        Raises:
            ClientError: The server stays away, or refuses what every image would be refused for.
            Stopped: The run was asked to stop, and what was under way is done.
        """
        ended = threading.Event()
        run = self.run

        def over() -> bool:
            return ended.is_set() or self.stopped()

        def ask(source: Source) -> Record | None:
            return answered(run.detector, source, run.journal, run.options, stopped=over)

        with contextlib.closing(
            in_order(
                lambda item: work(item, ask),
                until(over, items),
                workers=self.workers,
                ending=ended.set,
            )
        ) as found:
            for item, result in found:
                if result is not None:
                    yield item, result
        if self.stopped():
            raise Stopped

    def remove_earlier(self, path: Path) -> None:
        """Take away a picture or a video of an earlier answer, where there is one.

        Where no run was before, what is called so is of somebody else, and stays.

        Raises:
            ClientError: It is there and cannot be removed.
        """
        if not self.run.journal.is_new:
            remove_picture(path)

    def count(self, record: Record) -> None:
        """Take a record into the totals."""
        self.totals.add(record)
        self.progress.step(fresh=not record.earlier)
