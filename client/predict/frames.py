"""Ask about the frames of a video, and draw the answers as a video."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from client.answers.files import fingerprint
from client.answers.record import Record
from client.answers.run import Source
from client.drawing import draw
from client.errors import ClientError
from client.inputs.naming import Input
from client.predict.asking import Ask, Asking
from client.predict.totals import Trouble
from client.predict.videos import Frame, VideoReader, video_writer
from client.writing import replacing_text

ANSWERS_SUFFIX = ".frames.jsonl"

_TRUNCATED = 0.9  # containers are often a few frames wrong about how many they have


def ask_about_video(asking: Asking, item: Input) -> None:
    """Ask about every frame; what cannot be read is a trouble of the run's totals.

    Beside the annotated video there is a file of the same name that ends in `.frames.jsonl`, with
    a line for each frame: its number from 0, its time in seconds, and its answer or failure.

    Args:
        asking: The run.
        item: A video.

    Raises:
        ClientError: As from `ask_about_images`, or what is drawn cannot be written.
        Stopped: The run was asked to stop.
    """

    def trouble(kind: str, sentence: str) -> None:
        asking.totals.troubles.append(Trouble(item.name, kind, sentence))

    try:
        reader = VideoReader(Path(item.path))
    except ClientError as error:
        trouble("UnreadableVideo", str(error))
        return
    with reader:
        count = _ask_about_frames(asking, item, reader)
        expected = reader.expected
    if asking.progress.total is not None:
        asking.progress.total += count - expected
    if count == 0:
        trouble("UnreadableVideo", f"{item.path}: no frame can be decoded.")
    elif count < _TRUNCATED * expected:
        trouble(
            "TruncatedVideo",
            f"{item.path}: {count} frames can be decoded, it should have about {expected}.",
        )


def frame_name(video: str, number: int) -> str:
    """What a frame is called in the journal.

    Args:
        video: Name of the video.
        number: Of the frame, from 0.
    """
    return f"{video}#{number}"


def _ask_about_frames(asking: Asking, item: Input, reader: VideoReader) -> int:
    """How many frames there were."""
    output = asking.folder / item.output
    mark = fingerprint(Path(item.path))

    def work(numbered: tuple[int, Frame], ask: Ask) -> tuple[Record, Frame] | None:
        number, frame = numbered
        record = ask(Source(frame_name(item.name, number), mark, lambda: frame))
        if record is None:
            return None
        found = record.predictions
        return record, frame if found is None or not asking.pictures else draw(frame, found)

    count = 0
    with (
        replacing_text(output.with_suffix(ANSWERS_SUFFIX)) as lines,
        _video(output if asking.pictures else None, reader) as write,
        contextlib.closing(asking.each(enumerate(reader), work)) as found,
    ):
        for (number, _), (record, drawn) in found:
            asking.count(record)
            write(drawn)
            line = {
                "frame": number,
                "time_s": round(number / reader.fps, 6),
                "answer": record.document,
                "failure": None if record.failure is None else asdict(record.failure),
            }
            lines.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return count


@contextlib.contextmanager
def _video(path: Path | None, reader: VideoReader) -> Iterator[Callable[[Frame], None]]:
    """Give what writes a frame, which does nothing without a path."""
    if path is None:
        yield lambda frame: None
        return
    with video_writer(path, reader.fps, reader.size_wh) as writer:
        yield writer.write
