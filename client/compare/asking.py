"""Ask two versions about the same images, in turns.

A machine is faster at one moment than at another. So both are asked about an image right after one
another, and each is the first of the two as often as the other: what is left of the ratio of their
times is theirs.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from client.answers.opening import Run
from client.answers.record import Record
from client.answers.run import Source, answered, ask_anew, until
from client.window import in_order


@dataclass(frozen=True)
class Asked:
    """What became of an image.

    Attributes:
        image: Its name.
        old: What the old version says.
        new: What the new one says.
    """

    image: str
    old: Record
    new: Record

    @property
    def is_earlier(self) -> bool:
        """Whether an earlier run has asked."""
        return self.old.earlier and self.new.earlier


def ask_in_turns(
    old: Run,
    new: Run,
    sources: Iterable[Source],
    *,
    workers: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[Asked]:
    """Ask both about every image that they have not both answered before.

    Where a run was stopped between the two, both are asked again: times are those of pairs.

    Args:
        old: The old version's run.
        new: The new one's, of the same options.
        sources: What about.
        workers: How many images at a time; each has one request under way.
        stopped: Says whether to stop; then what is under way is all that still comes.

    Yields:
        Both records of each image, in their order.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
    """
    ended = threading.Event()

    def over() -> bool:
        return ended.is_set() or stopped()

    def ask(numbered: tuple[int, Source]) -> Asked | None:
        number, source = numbered
        both = all(run.journal.has(source.name, source.fingerprint) for run in (old, new))
        question = answered if both else ask_anew
        turns = (old, new) if number % 2 == 0 else (new, old)
        records = []
        for run in turns:
            record = question(run.detector, source, run.journal, run.options, stopped=over)
            if record is None:
                return None
            records.append(record)
        return Asked(source.name, *(records if turns[0] is old else reversed(records)))

    items = until(over, enumerate(sources))
    with contextlib.closing(in_order(ask, items, workers=workers, ending=ended.set)) as found:
        for _, asked in found:
            if asked is not None:
                yield asked
