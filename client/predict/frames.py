"""Ask about the frames of a video, and draw the answers as a video."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from client.answers.files import fingerprint
from client.answers.record import Record
from client.answers.run import Source
from client.errors import ClientError
from client.inputs.naming import Input
from client.predict.asking import Ask, Asking
from client.predict.attempt import Attempt
from client.predict.pictures import drawn_on
from client.predict.totals import Trouble
from client.predict.videos import Frame, VideoReader, video_writer
from client.writing import replacing_text

ANSWERS_SUFFIX = ".frames.jsonl"

_TRUNCATED = 0.9  # containers are often a few frames wrong about how many they have


def ask_about_video(asking: Asking, item: Input) -> None:
    """Ask about every frame; what cannot be read or written is a trouble of the run's totals.

    Beside the annotated video there is a file of the same name that ends in `.frames.jsonl`, with
    a line for each frame: its number from 0, its time in seconds, and its answer or failure.

    Args:
        asking: The run.
        item: A video.

    Raises:
        ClientError: As from `ask_about_images`.
        Stopped: The run was asked to stop.
    """
    try:
        reader = VideoReader(Path(item.path))
    except ClientError as error:
        _add_trouble(asking, item.name, "UnreadableVideo", str(error))
        _remove(asking, item, *_written(asking, item))
        return
    with reader:
        count = _ask_about_frames(asking, item, reader)
        expected = reader.expected
    if asking.progress.total is not None:
        asking.progress.total += count - expected
    if count == 0:
        sentence = f"{item.path}: no frame can be decoded."
        _add_trouble(asking, item.name, "UnreadableVideo", sentence)
        _remove(asking, item, *_written(asking, item))  # what was begun as well
    elif count < _TRUNCATED * expected:
        sentence = f"{item.path}: {count} frames can be decoded, it should have about {expected}."
        _add_trouble(asking, item.name, "TruncatedVideo", sentence)


def frame_name(video: str, number: int) -> str:
    """What a frame is called in the journal.

    Args:
        video: Name of the video.
        number: Of the frame, from 0.
    """
    return f"{video}#{number}"


def _ask_about_frames(asking: Asking, item: Input, reader: VideoReader) -> int:
    """How many frames there were."""
    output, answers = _written(asking, item)
    mark = fingerprint(Path(item.path))

    def work(numbered: tuple[int, Frame], ask: Ask) -> tuple[Record, Frame, str | None] | None:
        number, frame = numbered
        name = frame_name(item.name, number)
        if not asking.run.journal.has(name, mark):
            with contextlib.suppress(ClientError):  # said at the end
                asking.remove_earlier(output)
        record = ask(Source(name, mark, lambda: frame))
        if record is None:
            return None
        found = record.predictions
        if found is None or not asking.pictures:
            return record, frame, None
        try:
            return record, drawn_on(frame, found, what=name), None
        except ClientError as error:
            return record, frame, str(error)

    count = fresh = 0
    with (
        Attempt(_lines(answers)) as lines,
        Attempt(_video(output if asking.pictures else None, reader)) as video,
        contextlib.closing(asking.each(enumerate(reader), work)) as found,
    ):
        for (number, _), (record, drawn, problem) in found:
            asking.count(record)
            if problem is not None:
                _add_trouble(asking, frame_name(item.name, number), "NoPicture", problem)
            video.write(drawn)
            lines.write(_line(number, record, reader))
            count += 1
            fresh += not record.earlier
    if count == 0:
        return 0
    for kind, attempt in (("NoVideo", video), ("NoFrameAnswers", lines)):
        if attempt.problem is not None:
            _add_trouble(asking, item.name, kind, attempt.problem)
    if video.problem is not None or (fresh and not asking.pictures):
        _remove(asking, item, output)
    if lines.problem is not None:
        _remove(asking, item, answers)
    return count


def _line(number: int, record: Record, reader: VideoReader) -> str:
    line = {
        "frame": number,
        "time_s": round(number / reader.fps, 6),
        "answer": record.document,
        "failure": None if record.failure is None else asdict(record.failure),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


@contextlib.contextmanager
def _video(path: Path | None, reader: VideoReader) -> Iterator[Callable[[Frame], None]]:
    """Give what writes a frame, which does nothing without a path."""
    if path is None:
        yield lambda frame: None
        return
    with video_writer(path, reader.fps, reader.size_wh) as write:
        yield write


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[Callable[[str], object]]:
    with replacing_text(path) as file:
        yield file.write


def _written(asking: Asking, item: Input) -> tuple[Path, Path]:
    """The annotated video, and the answers beside it."""
    output = asking.folder / item.output
    return output, output.with_suffix(ANSWERS_SUFFIX)


def _add_trouble(asking: Asking, name: str, kind: str, sentence: str) -> None:
    asking.totals.troubles.append(Trouble(name, kind, sentence))


def _remove(asking: Asking, item: Input, *files: Path) -> None:
    for file in files:
        try:
            asking.remove_earlier(file)
        except ClientError as error:
            _add_trouble(asking, item.name, "OldVideo", str(error))
