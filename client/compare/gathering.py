"""Answers of both versions -> what is kept of them: what differs, how long they took, what failed.

Answers with masks are large, so they stay in the journals.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from sys import intern

from client.answers.files import file_source
from client.answers.opening import Run
from client.answers.record import Record
from client.compare.asking import Asked, ask_in_turns
from client.compare.comparison import Failed
from client.compare.differences import Differences, differences
from client.compare.images import Images
from client.counterparts import Heads
from client.errors import ClientError
from client.evaluate.judging import Settings
from client.wording import many


class Unfinished(ClientError):
    """The server was not there to the end; what was answered is kept. Its cause is why."""

    def __init__(self, error: ClientError, kept: int, total: int, folder: Path) -> None:
        where = (
            f"\n{many(kept, 'answer')} of {total} are kept in {folder}; the same command, without "
            "--restart, goes on from there."
        )
        super().__init__(f"{error}{where if kept else ''}")


@dataclass(frozen=True, slots=True)
class Answered:
    """An image that both versions have answered.

    Attributes:
        differences: Of the answers.
        records: The old one and the new one, without their documents.
    """

    differences: Differences
    records: tuple[Record, Record]


@dataclass
class Gathered:
    """What is kept of all images.

    Attributes:
        images: Those that both versions have answered, by name.
        failures: The others.
        heads: What each version answers with.
    """

    images: dict[str, Answered] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    heads: tuple[Heads, Heads] = field(default_factory=lambda: (Heads(), Heads()))

    def add(self, asked: Asked, settings: Settings) -> None:
        """Take what became of an image."""
        failed = [
            Failed(asked.image, side, record.failure.type, record.failure.message)
            for side, record in (("old", asked.old), ("new", asked.new))
            if record.failure is not None
        ]
        self.failures += failed
        if asked.old.document is None or asked.new.document is None:
            return
        for heads, record in zip(self.heads, (asked.old, asked.new), strict=True):
            heads.add(record.document or {})
        found = differences(
            asked.old.document, asked.new.document, iou=settings.iou, score=settings.score
        )
        self.images[asked.image] = Answered(found, (_slim(asked.old), _slim(asked.new)))

    def leave_out(self, failures: Iterable[Failed]) -> None:
        """Images that cannot be used after all."""
        for one in failures:
            if self.images.pop(one.image, None) is not None:
                self.failures.append(one)


def _slim(record: Record) -> Record:
    """Without its document, and with names of stages that all records share."""
    stages = {intern(stage): seconds for stage, seconds in record.stages.items()}
    return replace(record, document={}, stages=stages)


def gather(
    old: Run,
    new: Run,
    images: Images,
    settings: Settings,
    *,
    workers: int,
    progress: Callable[[Asked], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Gathered | None:
    """Ask both about all images.

    Args:
        old: The old version's run.
        new: The new one's.
        images: What about.
        settings: Least overlap and score.
        workers: How many images at a time.
        progress: Called with each.
        stopped: Says whether to stop.

    Returns:
        None where it was stopped before the end.

    Raises:
        Unfinished: The server stays away, or refuses what every image would be refused for.
    """
    sources = (file_source(file, name) for name, file in images.files.items())
    gathered = Gathered()
    count = 0
    try:
        asking = ask_in_turns(old, new, sources, workers=workers, stopped=stopped)
        with closing(asking) as all_asked:
            for asked in all_asked:
                count += 1
                progress(asked)
                gathered.add(asked, settings)
    except ClientError as error:
        kept = len(old.journal) + len(new.journal)
        raise Unfinished(error, kept, 2 * len(images.files), old.journal.path.parent) from error
    return gathered if count == len(images.files) else None
