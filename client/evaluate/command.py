"""The command from end to end: read, ask, judge, write."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from client.answers.opening import Run, open_run
from client.answers.sentences import earlier_notes, same_command
from client.classes import How
from client.connection import Connection
from client.errors import ClientError
from client.evaluate.asking import Answers, ask, find_images
from client.evaluate.dataset import Dataset, ImageEntry
from client.evaluate.document import Origin, report
from client.evaluate.judging import Evaluation, Settings, judge
from client.evaluate.page import page
from client.evaluate.reading import read_dataset
from client.evaluate.steps import Step, Steps, Stopped
from client.evaluate.terminal import summary
from client.output import say
from client.patience import Patience
from client.progress import ImageProgress
from client.question import Options
from client.report.json_text import write_document
from client.report.page import render
from client.wording import many
from client.writing import JsonList, print_text, replacing_text

GALLERY = 24
ANSWERS = "answers.jsonl"

_SHOWN_FAILURES = 20
_STEPS = 4


@dataclass(frozen=True)
class Request:
    """What is to be done.

    Attributes:
        annotations: A COCO file.
        images: The folder of its images.
        output: Where everything goes.
        model: Name of the served model; None is the only one.
        version: Its version; None is the default one.
        settings: How to judge.
        classes_by: The one way to find the category of a class.
        gallery: How many pictures at most.
        options: Of every request.
        workers: How many requests at a time.
        patience: With a server that does not answer.
        allow_missing: Whether to judge without the images that are not there.
        restart: Whether to delete the answers of an earlier run.
    """

    annotations: Path
    images: Path
    output: Path
    model: str | None = None
    version: str | None = None
    settings: Settings = field(default_factory=Settings)
    classes_by: How | None = None
    gallery: int = GALLERY
    options: Options = field(default_factory=Options)
    workers: int = 4
    patience: Patience = field(default_factory=Patience)
    allow_missing: bool = False
    restart: bool = False


def evaluate(
    connection: Connection, request: Request, *, stopped: Callable[[], bool] = lambda: False
) -> bool | None:
    """Judge a served model, print the summary and write the report.

    Args:
        connection: The server.
        request: What is to be done.
        stopped: Says whether to stop.

    Returns:
        Whether all images were judged; the report is there as well where some were not. None
        where it was stopped before there is one.

    Raises:
        ClientError: Anything else; what was answered is kept.
    """
    dataset = read_dataset(request.annotations)
    files = find_images(dataset, request.images, allow_missing=request.allow_missing)
    try:
        with Steps(_STEPS, stopped=stopped) as step:
            evaluation, document = _reported(connection, dataset, files, request, stopped, step)
    except Stopped:
        return None
    _print(evaluation, document, request)
    return not evaluation.failures


def _reported(
    connection: Connection,
    dataset: Dataset,
    files: dict[ImageEntry, Path],
    request: Request,
    stopped: Callable[[], bool],
    step: Step,
) -> tuple[Evaluation, dict[str, Any]]:
    with open_run(
        connection,
        file=request.output / ANSWERS,
        model=request.model,
        version=request.version,
        options=request.options,
        patience=request.patience,
        restart=request.restart,
        stopped=stopped,
    ) as run:
        answers = _ask(run, dataset, files, request, stopped)
        if answers is None:
            raise Stopped
        origin = Origin(
            run.model,
            run.version,
            datetime.now().astimezone().isoformat(timespec="seconds"),
            run.options.given(),
            answers.class_map.how,
            answers.times.document(),
            None if answers.earlier else request.workers,
        )
        notes = [*answers.notes, *earlier_notes(run, answers.earlier)]
        missing = len(dataset.images) - len(files)
        if missing:
            notes.append(
                f"{many(missing, 'image')} of the annotations {'is' if missing == 1 else 'are'} "
                "not there and left out of all numbers, as --allow-missing says."
            )
        evaluation = judge(
            dataset,
            answers.answers,
            request.settings,
            failures=answers.failures,
            notes=notes,
            model_threshold=answers.model_threshold,
            step=step,
        )
        step("computing AP")
        document = report(evaluation, origin)
        _write(evaluation, document, files, request, step)
    return evaluation, document


def _ask(
    run: Run,
    dataset: Dataset,
    files: dict[ImageEntry, Path],
    request: Request,
    stopped: Callable[[], bool],
) -> Answers | None:
    progress = ImageProgress(len(files))
    try:
        answers = ask(
            run,
            dataset,
            files,
            workers=request.workers,
            how=request.classes_by,
            progress=progress,
            stopped=stopped,
        )
    except ClientError as error:
        kept = (
            f"{many(len(run.journal), 'answer')} of {len(files)} are kept in {run.journal.path}; "
            f"{same_command(restart=request.restart)} goes on from there."
        )
        raise ClientError(f"{error}\n{kept}" if len(run.journal) else str(error)) from error
    finally:
        progress.end()
    if answers is not None and not answers.answers:
        sentences = [f"{one.image.file_name}: {one.message}" for one in answers.failures]
        raise ClientError("\n".join(["No image could be judged.", *sentences[:_SHOWN_FAILURES]]))
    return answers


def _write(
    evaluation: Evaluation,
    document: Mapping[str, Any],
    files: Mapping[ImageEntry, Path],
    request: Request,
    step: Step,
) -> None:
    step("drawing the page")
    drawn = render(page(evaluation, document, files, gallery=request.gallery))
    with replacing_text(request.output / "coco_results.json") as file:
        results = JsonList(file)
        for result in evaluation.results():
            step("writing every detection")
            results.add(result)
        results.end()
    # The files belong together: from here on nothing stops.
    write_document(request.output / "report.json", document)
    with replacing_text(request.output / "report.html") as file:
        file.write(drawn)


def _print(evaluation: Evaluation, document: Mapping[str, Any], request: Request) -> None:
    print_text(f"{summary(document)}\n\nMore, with pictures: {request.output / 'report.html'}")
    for note in evaluation.notes:
        say(f"Note: {note}", sys.stderr)
    if evaluation.failures:
        count = many(len(evaluation.failures), "image")
        say(f"Left out of all numbers, as they could not be judged: {count}", sys.stderr)
        for one in evaluation.failures[:_SHOWN_FAILURES]:
            say(f"  {one.image.file_name}: {one.message}", sys.stderr)
        if len(evaluation.failures) > _SHOWN_FAILURES:
            say("  and more, in report.json", sys.stderr)
