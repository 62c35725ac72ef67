"""Ask about many images, several at a time, and go on where an earlier run has stopped."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from client.answers.journal import Journal
from client.answers.record import HANDLERS_ERRORS, TOO_LARGE, Failure, Record
from client.detector import Detector, stage_seconds
from client.errors import ClientError, RequestRefused
from client.patience import is_absence
from client.question import Image, Options
from client.sample_image import sample_png
from client.window import in_order

Item = TypeVar("Item")

_NO_SUCH_VERSION = "ModelVersionNotFoundException"
_OF_EVERY_IMAGE = ("InvalidKeyException", "ModelNotFoundException", "ResourceNotFoundException")
"""Types of errors that the next image would get as well."""
_REFUSES_THE_CALLER = (401, 403, 407)
"""Statuses of proxies, whatever they call them: the next image would get them too."""

_SERVERS_FAULT = 500

SAMPLE = sample_png(128, 32)
"""Of any server the answer to this says whether it answers at all."""


@dataclass(frozen=True)
class Source:
    """An image of a run.

    Attributes:
        name: Of it alone in the run.
        fingerprint: Differs when it has changed, so that it is asked about again.
        load: Its file or pixels, called when its turn comes, in a thread.
    """

    name: str
    fingerprint: str
    load: Callable[[], Image]


def ask_all(
    detector: Detector,
    sources: Iterable[Source],
    journal: Journal,
    options: Options | None = None,
    *,
    workers: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Record]:
    """Ask about every image that the journal has no record of.

    A run that is stopped loses nothing that was answered: records go into the journal as they come,
    also those of images whose turn is later, and requests that are under way are waited for.

    Args:
        detector: Whom to ask. It should name a version where the answers are to be of one.
        sources: What about.
        journal: What was answered before; new records are added.
        options: For all.
        workers: How many requests at a time.
        stopped: Says whether to stop; then what is under way is all that still comes.

    Yields:
        A record for each image, in their order, old and new.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
    """
    ended = threading.Event()

    def over() -> bool:
        return ended.is_set() or stopped()

    def ask(source: Source) -> Record | None:
        return answered(detector, source, journal, options, stopped=over)

    waiting = until(over, sources)
    with contextlib.closing(in_order(ask, waiting, workers=workers, ending=ended.set)) as found:
        for _, record in found:
            if record is not None:
                yield record


def answered(
    detector: Detector,
    source: Source,
    journal: Journal,
    options: Options | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Record | None:
    """The record of an image: that of the journal, or a new one, which is then in the journal.

    Args:
        detector: Whom to ask.
        source: What about.
        journal: Of the run.
        options: Of the run.
        stopped: Says whether to stop.

    Returns:
        The record; None where it is stopped before there is one.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
    """
    if not stopped() and journal.has(source.name, source.fingerprint):
        return journal.record(source.name)
    return ask_anew(detector, source, journal, options, stopped=stopped)


def ask_anew(
    detector: Detector,
    source: Source,
    journal: Journal,
    options: Options | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Record | None:
    """A new record of an image, whether there was one or not; it is then in the journal.

    Args:
        detector: Whom to ask.
        source: What about.
        journal: Of the run.
        options: Of the run.
        stopped: Says whether to stop.

    Returns:
        The record; None where it is stopped before there is one.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
    """
    if stopped():
        return None
    start = perf_counter()
    try:
        image = source.load()
        start = perf_counter()
        answer = detector.answer(image, options, stopped=stopped)
    except ClientError as error:
        if is_absence(error) and stopped():
            return None
        if isinstance(error, RequestRefused) and error.type == _NO_SUCH_VERSION:
            raise ClientError(
                f"{journal.path} holds answers of a version that is not served any more: serve it "
                f"again, choose another folder, or --restart, which deletes them. {error}"
            ) from error
        if _ends_the_run(error, detector):
            raise
        seconds = perf_counter() - start
        record = Record(source.name, source.fingerprint, seconds, failure=Failure.of(error))
    else:
        seconds = perf_counter() - start
        stages = stage_seconds(answer.headers)
        record = Record(source.name, source.fingerprint, seconds, answer.document, stages)
    journal.add(record)
    return record


def until(over: Callable[[], bool], items: Iterable[Item]) -> Iterator[Item]:
    """The items, as long as it is not over."""
    for item in items:
        if over():
            return
        yield item


def _ends_the_run(error: ClientError, detector: Detector) -> bool:
    if isinstance(error, RequestRefused) and (
        error.type in _OF_EVERY_IMAGE or error.status in _REFUSES_THE_CALLER
    ):
        return True
    if not _may_be_of_every_image(error):
        return False
    try:  # once: whether it is the server, or this image
        detector.answer(SAMPLE, stopped=lambda: True)
    except ClientError as second:
        return _may_be_of_every_image(second)
    return False


def _may_be_of_every_image(error: ClientError) -> bool:
    """Whether the server is away or busy, or something before the model refuses."""
    if is_absence(error):
        return True
    return (
        isinstance(error, RequestRefused)
        and error.status < _SERVERS_FAULT
        and error.status != TOO_LARGE
        and error.type not in HANDLERS_ERRORS
    )
