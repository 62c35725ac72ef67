"""A new version beside the old one on images of the user's own, with annotations where there are.

What `python -m client compare` does, as a gate.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from client.compare.command import GALLERY, Outcome, compare
from client.compare.conditions import Condition, Verdict
from client.compare.gathering import Unfinished
from client.compare.images import Images
from client.compare.running import Request
from client.connection import Connection
from client.errors import ClientError
from client.evaluate.judging import Settings
from client.management import ServedVersion
from client.models.archive import Archive
from client.models.errors import RolloutRefused
from client.wording import many


@dataclass(frozen=True)
class Examination:
    """What a new version is asked about beside the check images, and what must not come of it.

    Attributes:
        connection: The server.
        images: What about.
        conditions: What must not be so.
        score: Detections below it do not count; 0 to 1.
        report: Where the report of the comparison goes; None keeps none.
    """

    connection: Connection
    images: Images
    conditions: Sequence[Condition] = ()
    score: float = Settings.score
    report: Path | None = None


def examine(
    examination: Examination, old: ServedVersion, archive: Archive, step: Callable[[], None]
) -> tuple[Verdict, ...]:
    """Hold both versions against each other.

    Args:
        examination: How.
        old: The version that serves.
        archive: The new one, which is served beside it.
        step: Called now and then, and may raise KeyboardInterrupt.

    Returns:
        What became of the conditions, none of which is so.

    Raises:
        RolloutRefused: A condition is so, or nobody can tell; or the new version does not answer
            where the old one does.
        ClientError: The server stays away.
    """
    folder = examination.report
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        outcome = _compare(examination, old, archive, Path(place), step)
    where = f" {folder / 'report.html'} shows it." if folder else ""
    if outcome.unanswered:
        first = outcome.unanswered[0]
        raise RolloutRefused(
            "answers",
            f"{archive} does not answer about {many(len(outcome.unanswered), 'image')} that "
            f"{old.version} answers about, such as {first.image}: {first.message}{where}",
        )
    if outcome.failing:
        sentences = "; ".join(one.sentence() for one in outcome.failing)
        raise RolloutRefused("conditions", f"{archive} beside {old.version}: {sentences}.{where}")
    return tuple(outcome.verdicts)


def _compare(
    examination: Examination,
    old: ServedVersion,
    archive: Archive,
    folder: Path,
    step: Callable[[], None],
) -> Outcome:
    request = Request(
        images=examination.images,
        versions=(old.version, archive.version),
        folder=folder,
        model=archive.model,
        settings=Settings(score=examination.score),
        shown=GALLERY if examination.report else 0,
        restart=True,  # a version that was refused may come again with other weights
    )
    try:
        outcome = compare(
            examination.connection,
            request,
            examination.conditions,
            progress=lambda _: step(),
            step=lambda _: step(),
        )
    except Unfinished as error:
        raise ClientError(str(error.__cause__)) from error
    assert outcome is not None, "nobody stops it"
    return outcome
