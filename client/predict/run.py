"""The whole command: find what is meant, ask, draw, write, add up."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from client.answers.opening import Run, open_run
from client.answers.sentences import doubts, same_command
from client.classes import ModelClass, described_classes
from client.connection import Connection
from client.errors import ClientError
from client.inputs.finding import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Inputs, find_inputs
from client.inputs.naming import Input, name_inputs
from client.patience import Patience
from client.predict.asking import Asking, Stopped
from client.predict.categories import Categories, categories_for
from client.predict.frames import ask_about_video
from client.predict.image_ids import Annotated, ids_for, read_annotated
from client.predict.images import ask_about_images
from client.predict.results import write_results
from client.predict.summary import summary_document
from client.predict.totals import Totals
from client.predict.videos import VideoReader
from client.progress import ImageProgress
from client.question import Options
from client.wording import many
from client.writing import write_json

JOURNAL = "answers.jsonl"
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        words: Files, folders and patterns.
        videos: Files that are videos whatever they are called.
        output: Folder of everything that is written.
        annotations: COCO file with the ids of images and categories.
        model: Name of the served model; None is the only one.
        version: Its version; None is the default one.
        options: Of every request.
        workers: How many requests at a time.
        pictures: Whether to draw.
        restart: Whether to forget what was answered before.
        patience_s: How long to repeat what a busy or restarting server did not answer.
    """

    words: Sequence[str]
    output: Path
    videos: Sequence[str] = ()
    annotations: Path | None = None
    model: str | None = None
    version: str | None = None
    options: Options = field(default_factory=Options)
    workers: int = 4
    pictures: bool = True
    restart: bool = False
    patience_s: float = 60.0


class Unfinished(ClientError):
    """The run has to be gone on with; what was answered is kept."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        summary: As `summary.json` has it.
        totals: What it adds up to.
    """

    summary: dict[str, Any]
    totals: Totals


def predict(
    connection: Connection,
    task: Task,
    *,
    stopped: Callable[[], bool] = lambda: False,
    note: Callable[[str], object] = lambda _: None,
) -> Outcome:
    """Do it.

    Args:
        connection: The server.
        task: What is to be done.
        stopped: Says whether to stop.
        note: Called with what a person should know before anything is asked, in sentences.

    Raises:
        Unfinished: It was asked to stop, or the server stays away.
        ClientError: There is nothing to do, or it cannot be begun.
    """
    start = monotonic()
    found = find_inputs(task.words, videos=task.videos, output=task.output)
    inputs = name_inputs(found.files)
    _refuse(inputs, found, task.output)
    annotated = None if task.annotations is None else read_annotated(task.annotations)
    image_ids = ids_for(inputs, annotated)
    for sentence in image_ids.notes:
        note(sentence)
    with open_run(
        connection,
        file=task.output / JOURNAL,
        model=task.model,
        version=task.version,
        options=task.options,
        restart=task.restart,
        patience=Patience(total_s=task.patience_s),
        stopped=stopped,
    ) as run:
        if run.description is not None:
            _categories(run, annotated, Totals())  # that nothing fits is said before it is asked
        threshold_note = _threshold_note(run)
        if threshold_note is not None:
            note(threshold_note)
        run.journal.begin()
        asking = Asking(
            run=run,
            folder=task.output,
            workers=task.workers,
            pictures=task.pictures,
            progress=ImageProgress(_expected(inputs)),
            stopped=stopped,
        )
        try:
            _ask(asking, inputs)
            categories = _categories(run, annotated, asking.totals)
            left_out = write_results(
                task.output,
                run.journal,
                inputs,
                image_ids.ids,
                categories,
                asking.totals.troubles,
                stopped=stopped,
            )
        except Stopped as error:
            raise Unfinished(f"Stopped. {_kept(run, task)}") from error
        except ClientError as error:
            raise Unfinished(f"{error}\n{_kept(run, task)}") from error
    notes = [
        *([] if threshold_note is None else [threshold_note]),
        *doubts(run, asking.totals.earlier),
        *image_ids.notes,
        *categories.notes,
        *_notes(found, left_out),
    ]
    summary = summary_document(
        asking.totals,
        model=run.model,
        version=run.version,
        begun=run.journal.begun,
        seconds=monotonic() - start,
        workers=task.workers,
        notes=notes,
        folder=task.output,
    )
    write_json(task.output / SUMMARY, summary)
    return Outcome(summary, asking.totals)


def _refuse(inputs: Sequence[Input], found: Inputs, output: Path) -> None:
    if not inputs:
        others = "".join(
            f" ({many(n, suffix + ' file')})" for suffix, n in found.passed_over.items()
        )
        raise ClientError(f"There is no image and no video in what was named{others}.")
    if output.exists() and not output.is_dir():
        raise ClientError(f"{output} is a file; accepted is a folder, which is made if need be.")
    if not output.exists() and output.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        folder = output.with_suffix("")
        raise ClientError(
            f"--output is {output}, the name of a picture or video; accepted is a folder, which "
            f"gets answers and results as well. With --output {folder} the first is in "
            f"{folder / inputs[0].output}."
        )
    given = {os.path.realpath(one.path) for one in inputs}
    for one in inputs:
        if os.path.realpath(output / one.output) in given:
            raise ClientError(
                f"{output / one.output} would be written over: choose another folder."
            )


def _expected(inputs: Sequence[Input]) -> int:
    """Images, and frames as videos claim to have them."""
    total = 0
    for one in inputs:
        if not one.is_video:
            total += 1
            continue
        try:
            with VideoReader(Path(one.path)) as reader:
                total += reader.expected
        except ClientError:
            continue  # said when its turn comes
    return total


def _ask(asking: Asking, inputs: Sequence[Input]) -> None:
    try:
        ask_about_images(asking, [one for one in inputs if not one.is_video])
        for one in inputs:
            if one.is_video:
                ask_about_video(asking, one)
    finally:
        asking.progress.end()


def _categories(run: Run, annotated: Annotated | None, totals: Totals) -> Categories:
    categories = () if annotated is None else annotated.categories
    if run.description is not None:
        return categories_for(described_classes(run.description), categories, are_all=True)
    seen = [ModelClass(one.id, one.name) for one in sorted(totals.detections)]
    return categories_for(seen, categories, are_all=False)


def _threshold_note(run: Run) -> str | None:
    """What a score threshold below the archive's own does not do."""
    asked = run.options.given().get("score_threshold")
    spec = (run.description or {}).get("detection") or {}  # of older archives it is not there
    own = spec.get("score_threshold")
    if asked is None or own is None or asked >= own:
        return None
    return (
        f"The model answers nothing with a score below {own:g}, which its archive was exported "
        f"with: a --score-threshold of {asked:g} shows no more. An archive exported with "
        f"--score-threshold {asked:g} does."
    )


def _kept(run: Run, task: Task) -> str:
    return (
        f"{many(len(run.journal), 'answer')} kept in {run.journal.path}; "
        f"{same_command(restart=task.restart)} goes on from there."
    )


def _notes(found: Inputs, left_out: int) -> list[str]:
    notes = _passed_over(found)
    if left_out:
        notes.append(
            f"{many(left_out, 'detection')} of classes without a category are in no COCO result."
        )
    return notes


def _passed_over(found: Inputs) -> list[str]:
    if not found.passed_over:
        return []
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in found.passed_over.most_common())
    return [f"Passed over in folders, neither images nor videos: {kinds}."]
