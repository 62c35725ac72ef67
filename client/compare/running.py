"""Ask two versions, and compare what they say: everything but files and words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client.answers.opening import Run
from client.answers.sentences import earlier_notes
from client.answers.times import Times
from client.classes import How, map_classes
from client.compare.agreement import agreement
from client.compare.asking import Asked
from client.compare.bootstrap import RESAMPLES
from client.compare.comparison import ComparedImage, Comparison, Failed, Judged
from client.compare.gathering import Gathered, gather
from client.compare.images import Images
from client.compare.opening import both_runs
from client.compare.precision import compare_precision
from client.compare.speed import compare_speed, seconds_of
from client.connection import Connection
from client.counterparts import one_sided
from client.errors import ClientError
from client.evaluate.asking import Answers, ask, known_classes
from client.evaluate.judging import Settings, judge
from client.evaluate.steps import Step, Stopped, no_step
from client.patience import Patience
from client.question import Options
from client.wording import many

_FEW_IMAGES = 20
_SHOWN_FAILURES = 20


@dataclass(frozen=True)
class Request:
    """What is to be compared.

    Attributes:
        images: What about.
        versions: The old one and the new one; of the same model.
        folder: Where answers are kept, in `answers.old.jsonl` and `answers.new.jsonl`.
        model: Name of the model; None is the only one that is served.
        settings: Least overlap and score, and how AP is judged.
        classes_by: The one way to find the category of a class.
        resamples: Of each bootstrap.
        shown: So many images are given with their answers.
        options: Of every request.
        workers: How many images at a time.
        patience: With a server that does not answer.
        restart: Whether to delete the answers of an earlier run.
    """

    images: Images
    versions: tuple[str, str]
    folder: Path
    model: str | None = None
    settings: Settings = field(default_factory=Settings)
    classes_by: How | None = None
    resamples: int = RESAMPLES
    shown: int = 0
    options: Options = field(default_factory=Options)
    workers: int = 1
    patience: Patience = field(default_factory=Patience)
    restart: bool = False


@dataclass(frozen=True)
class Compared:
    """What came of it.

    Attributes:
        model: Name of the model.
        comparison: Of its versions.
        categories_by: How categories of classes were found, of each version; none without
            annotations.
        times_s: Of each version, of `client.answers.times.Times`.
        answers: Both answers about the most different images, by name.
    """

    model: str
    comparison: Comparison
    categories_by: tuple[How, ...]
    times_s: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]
    answers: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]


def run(
    connection: Connection,
    request: Request,
    *,
    progress: Callable[[Asked], None] = lambda _: None,
    step: Step = no_step,
    stopped: Callable[[], bool] = lambda: False,
) -> Compared:
    """Compare two served versions.

    Args:
        connection: The server.
        request: What is to be compared.
        progress: Called with each image that was asked about.
        step: Called with each part of what is computed then.
        stopped: Says whether to stop asking.

    Raises:
        Stopped: It was, before the end.
        client.compare.gathering.Unfinished: The server was not there to the end.
        ClientError: Anything else.
    """
    images = request.images
    with both_runs(
        connection,
        request.versions,
        request.folder,
        model=request.model,
        options=request.options,
        patience=request.patience,
        restart=request.restart,
        stopped=stopped,
    ) as runs:
        _look_at_classes(runs, request)
        for one in runs:  # both now, so that a run that goes on finds no pairs of two runs
            one.journal.begin()
        gathered = gather(
            *runs,
            images,
            request.settings,
            workers=request.workers,
            progress=progress,
            stopped=stopped,
        )
        if gathered is None:
            raise Stopped
        step("reading answers")
        answers = [_known_answers(one, request, gathered, stopped) for one in runs]
        gathered.leave_out(_unfit(answers))
        if not gathered.images:
            raise ClientError(_nothing_sentence(gathered.failures))
        judged = _judged(answers, request, gathered, step)
        comparison = _comparison(request, gathered, judged, _earlier_notes(runs, gathered), step)
        return Compared(
            runs[0].model,
            comparison,
            tuple(one.class_map.how for one in answers if one is not None),
            (_times(gathered, 0), _times(gathered, 1)),
            {
                one.name: (_document(runs[0], one.name), _document(runs[1], one.name))
                for one in comparison.most_different(request.shown)
            },
        )


def _look_at_classes(runs: Sequence[Run], request: Request) -> None:
    """What does not fit is said before anything is asked."""
    dataset = request.images.dataset
    if dataset is None:
        return
    for one in runs:
        described = known_classes(one)
        if described is not None:
            map_classes(described, dataset.categories, are_all=True, how=request.classes_by)


def _known_answers(
    one: Run, request: Request, gathered: Gathered, stopped: Callable[[], bool]
) -> Answers | None:
    """What a version has said, for the images that both have answered; nothing is asked."""
    images = request.images
    if images.dataset is None:
        return None
    files = {images.entries[name]: images.files[name] for name in gathered.images}
    found = ask(one, images.dataset, files, workers=1, how=request.classes_by, stopped=stopped)
    if found is None:
        raise Stopped
    return found


def _unfit(answers: Sequence[Answers | None]) -> list[Failed]:
    """Images of another size than the annotations say."""
    sides = [side.failures for side in answers if side is not None]
    found = {one.image.file_name: one for failures in sides for one in failures}
    return [Failed(name, None, one.type, one.message) for name, one in found.items()]


def _nothing_sentence(failures: Sequence[Failed]) -> str:
    sentences = [f"{one.image}: {one.message}" for one in failures]
    return "\n".join(["No image was answered by both.", *sentences[:_SHOWN_FAILURES]])


def _judged(
    answers: Sequence[Answers | None], request: Request, gathered: Gathered, step: Step
) -> Judged | None:
    dataset = request.images.dataset
    if dataset is None:
        return None
    old, new = (
        judge(
            dataset,
            [one for one in side.answers if one.image.file_name in gathered.images],
            request.settings,
            notes=side.notes,
            model_threshold=side.model_threshold,
            step=step,
        )
        for side in answers
        if side is not None
    )
    return Judged(old, new, compare_precision(old, new, count=request.resamples, step=step))


def _earlier_notes(runs: tuple[Run, Run], gathered: Gathered) -> list[str]:
    counts = [sum(one.records[side].earlier for one in gathered.images.values()) for side in (0, 1)]
    return [
        f"{one.version}: {note}"
        for one, count in zip(runs, counts, strict=True)
        for note in earlier_notes(one, count)
    ]


def _comparison(
    request: Request,
    gathered: Gathered,
    judged: Judged | None,
    notes: Sequence[str],
    step: Step,
) -> Comparison:
    both = zip(judged.old.images, judged.new.images, strict=True) if judged else ()
    by_name = {old.image.file_name: (old, new) for old, new in both}
    images = [
        ComparedImage(
            name,
            one.differences,
            one.records[0].seconds,
            one.records[1].seconds,
            by_name.get(name),
        )
        for name, one in gathered.images.items()
    ]
    agreed = agreement([one.differences for one in images], one_sided(*gathered.heads), step=step)
    pairs = [
        (seconds_of(one.records[0]), seconds_of(one.records[1])) for one in gathered.images.values()
    ]
    return Comparison(
        request.settings,
        images,
        gathered.failures,
        agreed,
        compare_speed(pairs, count=request.resamples, step=step),
        judged,
        (*_notes(request, gathered, judged, agreed.one_sided), *notes),
    )


def _notes(
    request: Request, gathered: Gathered, judged: Judged | None, only: Sequence[str]
) -> Iterator[str]:
    yield from request.images.notes
    if only:
        yield (
            f"Only one of the versions answers with {' and '.join(only)}: what it says of objects "
            "cannot be the same."
        )
    if len(gathered.images) < _FEW_IMAGES:
        yield (
            f"{many(len(gathered.images), 'image')} are few for intervals: a bootstrap draws from "
            "what is there, and knows nothing of images that are unlike these."
        )
    if judged is not None:
        yield from _notes_of_both(request.versions, judged)


def _notes_of_both(versions: tuple[str, str], judged: Judged) -> Iterator[str]:
    """What holds for both once, the rest with its version."""
    both = set(judged.old.notes) & set(judged.new.notes)
    yield from (note for note in judged.old.notes if note in both)
    for version, evaluation in zip(versions, (judged.old, judged.new), strict=True):
        yield from (f"{version}: {note}" for note in evaluation.notes if note not in both)


def _document(one: Run, image: str) -> Mapping[str, Any]:
    return one.journal.record(image).document or {}


def _times(gathered: Gathered, side: int) -> dict[str, dict[str, Any]]:
    times = Times()
    for one in gathered.images.values():
        times.add(one.records[side])
    return times.document()
