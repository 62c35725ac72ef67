"""Ask about many images, several at a time, and go on where an earlier run has stopped."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter

from client.answers.journal import Journal
from client.answers.record import Failure, Record
from client.detector import Detector, stage_seconds
from client.errors import ClientError, RequestRefused
from client.patience import is_absence
from client.question import Image, Options
from client.window import in_order

_OF_EVERY_IMAGE = (
    "InvalidKeyException",
    "ModelNotFoundException",
    "ModelVersionNotFoundException",
    "ResourceNotFoundException",
)
"""Types of errors that the next image would get as well."""


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
) -> Iterator[Record]:
    """Ask about every image that the journal has no record of.

    Every record is in the journal before it is yielded. A run that is stopped by Ctrl-C or an error
    has lost nothing that was yielded; what was under way is asked about again by the next.

    Args:
        detector: Whom to ask. It should name a version where the answers are to be of one.
        sources: What about.
        journal: What was answered before; new records are added.
        options: For all.
        workers: How many requests at a time.

    Yields:
        A record for each image, in their order, old and new.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
    """

    def ask(source: Source) -> Record | None:
        if journal.has(source.name, source.fingerprint):
            return None
        start = perf_counter()
        try:
            answer = detector.answer(source.load(), options)
        except ClientError as error:
            if _ends_the_run(error):
                raise
            seconds = perf_counter() - start
            return Record(source.name, source.fingerprint, seconds, failure=Failure.of(error))
        seconds = perf_counter() - start
        stages = stage_seconds(answer.headers)
        return Record(source.name, source.fingerprint, seconds, answer.document, stages)

    for source, record in in_order(ask, sources, workers=workers):
        if record is None:
            yield journal.record(source.name)
        else:
            journal.add(record)
            yield record


def _ends_the_run(error: ClientError) -> bool:
    refused = isinstance(error, RequestRefused) and error.type in _OF_EVERY_IMAGE
    return refused or is_absence(error)
