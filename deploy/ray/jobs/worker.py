"""One worker: a model in a process of its own, which works off part after part."""

import json
import os
import platform
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from client.errors import ClientError
from client.sample_image import sample_png
from deploy.ray.jobs.attempts import Attempts
from deploy.ray.jobs.health import Health
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import read_part
from deploy.ray.jobs.memory import peak_memory_mb
from deploy.ray.jobs.parts import Parts
from deploy.ray.jobs.pictures import FORMAT, picture_name, pictures_folder, register, split
from deploy.ray.jobs.reading import Content, Reader, Unreadable, read
from deploy.ray.jobs.record import refuse_another
from deploy.ray.jobs.rows import Answered, Unread
from deploy.ray.jobs.storage import Fault, Storage
from deploy.ray.opened import load_detector
from deploy.ray.store import Pinned, open_archive

if TYPE_CHECKING:
    from handler.answers import Answer
    from handler.detector import Detector

SAMPLE = sample_png(128, 32)

_WINDOW = 32
"""Images that are held at a time, and as many again that are read meanwhile."""

_PAUSES_S = (60.0, 300.0)

_DONE, _TOO_LARGE, _SERVERS_FAULT = 200, 413, 500  # statuses of answers


@dataclass(frozen=True)
class Work:
    """What workers have to know.

    Attributes:
        run: Token of the run.
        job: Token of the job.
        archive: The model.
        name: Its name.
        version: Its version.
        output: URL of the job's folder.
        images: Folder of this machine that images are in; None where they are elsewhere.
        text_ids: Whether ids of images are text; else they are numbers.
        readable: Index of an image that could be read when the job began.
        images_per_part: How many a part has; the last one may have fewer.
        options: Of every image, docs/api.md.
        batch: Most images of one forward pass.
        pictures: Whether to draw.
        device: `cpu` or `cuda:0`.
    """

    run: str
    job: str
    archive: Pinned
    name: str
    version: str
    output: str
    images: str | None
    text_ids: bool
    readable: int
    images_per_part: int
    options: dict[str, Any]
    batch: int
    pictures: bool
    device: str


class Worker:
    """Called by Ray Data with the number of a part, it leaves the part's tables behind."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._storage = Storage(work.output)
        self._parts = Parts(self._storage, str if work.text_ids else int, work.job)
        self._attempts = Attempts(self._storage, work.run)
        self._health = Health(self._storage, _name())
        self._reader = Reader()
        self._detector: Detector | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Work off a part.

        Args:
            batch: `part`: its number; `again`: whether it is done, and only what has no answer is
                to be asked about. One row.

        Returns:
            One row: `part`, `images` asked about, `unread` of them without an answer, `refused`
            (why the job cannot go on, or the empty text) and `memory_mb`, the most that this
            process has had.
        """
        part, again = int(batch["part"][0]), bool(batch["again"][0])
        images = unread = 0
        refused = ""
        try:
            images, unread = self._patiently(part, again=again)
        except ClientError as error:  # as a value: Ray would print the whole stack of an exception
            refused = str(error)
        row = {
            "part": part,
            "images": images,
            "unread": unread,
            "refused": refused,
            "memory_mb": peak_memory_mb() or 0.0,
        }
        return {key: [value] for key, value in row.items()}

    def _patiently(self, part: int, *, again: bool) -> tuple[int, int]:
        """Wait while storage is away, as for a server of files that is started again."""
        for pause_s in _PAUSES_S:
            try:
                return self._work_off(part, again=again)
            except Fault:
                time.sleep(pause_s)
                self._attempts.end(part)  # nobody has died
        return self._work_off(part, again=again)

    def _work_off(self, part: int, *, again: bool) -> tuple[int, int]:
        first = part * self._work.images_per_part
        images = list(enumerate(read_part(self._storage, self._work.job, part), start=first))
        earlier: list[dict[str, Any]] = []
        if again:
            earlier, without = self._parts.read(part)
            wanted = {row["index"] for row in without}
            images = [one for one in images if one[0] in wanted]
        elif self._parts.is_done(part):  # by a worker that was taken for lost
            self._attempts.end(part)
            return len(images), len(self._parts.read(part).unread)
        if self._work.pictures:
            self._storage.sweep(pictures_folder(part, self._work.job))
        outcomes = list(self._ask(part, images))
        answered = [one for one in outcomes if isinstance(one, Answered)]
        unread = [one for one in outcomes if isinstance(one, Unread)]
        refuse_another(self._storage, self._work.job)
        self._parts.commit(part, answered, unread, earlier=earlier)
        self._attempts.end(part)
        self._health.well()
        return len(images), len(unread)

    def _ask(self, part: int, images: Sequence[tuple[int, Listed]]) -> Iterator[Answered | Unread]:
        detector = self._loaded(part)
        attempt = self._attempts.begin(part)
        for index, image in images:
            if index in attempt.deadly:
                yield Unread(
                    index,
                    image,
                    "WorkerDied",
                    f"Two workers that were asked about {image.path} alone died at it.",
                    may_pass=True,
                )
        left = [one for one in images if one[0] not in attempt.deadly]
        for window, contents in self._read(_windows(left, attempt.suspects)):
            self._attempts.ask(part, attempt, [index for index, _ in window])
            outcomes = list(self._answer(detector, part, window, contents))
            if len(window) == 1:  # it is not to blame for what comes after it
                self._attempts.ask(part, attempt, ())
            yield from outcomes

    def _read(
        self, windows: Sequence[Sequence[tuple[int, Listed]]]
    ) -> Iterator[tuple[Sequence[tuple[int, Listed]], list[Content]]]:
        """Windows of images with their files; the next one is read meanwhile."""
        waiting = self._reader.ahead(_paths(windows[0])) if windows else list
        for window, following in zip(windows, [*windows[1:], ()], strict=True):
            contents = waiting()
            waiting = self._reader.ahead(_paths(following))
            yield window, contents

    def _answer(
        self,
        detector: "Detector",
        part: int,
        window: Sequence[tuple[int, Listed]],
        contents: Sequence[Content],
    ) -> Iterator[Answered | Unread]:
        readable = [one for one in contents if not isinstance(one, Unreadable)]
        found = self._asked(detector, readable, pictures=self._work.pictures)
        # One image may be at fault; where all are, it may be this process or its machine.
        if found and all(answer.status >= _SERVERS_FAULT for answer in found):
            self._check_model(detector, part)
        if not found:
            self._check_files(part)
        answers = iter(found)
        for (index, image), content in zip(window, contents, strict=True):
            if isinstance(content, Unreadable):
                yield Unread(index, image, content.type, content.message, may_pass=True)
                continue
            answer = next(answers)
            picture = self._work.pictures
            if picture and answer.status == _TOO_LARGE:  # perhaps together with its picture alone
                (answer,) = self._asked(detector, [content], pictures=False)
                picture = False
            yield self._outcome(part, index, image, answer, picture=picture)

    def _asked(
        self, detector: "Detector", contents: Sequence[bytes], *, pictures: bool
    ) -> "list[Answer]":
        from handler.request import Row  # the archive's, which is there when a detector is

        options = {**self._work.options, "format": FORMAT if pictures else "native"}
        return detector.answer([Row({"data": one, **options}) for one in contents])

    def _outcome(
        self, part: int, index: int, image: Listed, answer: "Answer", *, picture: bool
    ) -> Answered | Unread:
        if answer.status != _DONE:
            error = json.loads(answer.body)
            may_pass = answer.status >= _SERVERS_FAULT
            return Unread(index, image, error["type"], error["message"], may_pass)
        if not picture:
            return Answered(index, image, json.loads(answer.body))
        document, jpeg = split(answer.body)
        if not jpeg:
            return Answered(index, image, json.loads(document))
        name = picture_name(part, self._work.job, index, image)
        self._storage.write(name, jpeg)
        return Answered(index, image, json.loads(document), name)

    def _check_model(self, detector: "Detector", part: int) -> None:
        """Ask about an image that has an answer, unless what asks is broken."""
        (answer,) = self._asked(detector, [SAMPLE], pictures=False)
        if answer.status == _DONE:
            return
        error = json.loads(answer.body)
        why = f"{error['type']}: {error['message']}"
        if answer.status < _SERVERS_FAULT:  # what is refused for this is refused for every image
            raise ClientError(why)
        self._give_up(part, why)

    def _check_files(self, part: int) -> None:
        """Read an image that could be read when the job began, unless its storage is gone."""
        known = read_part(self._storage, self._work.job, 0)[self._work.readable]
        found = read(known.path)
        if isinstance(found, Unreadable):
            self._give_up(part, f"on {platform.node()} {found.message}")

    def _give_up(self, part: int, why: str) -> NoReturn:
        """End this process; Ray starts it again, and gives the part to a worker that can."""
        self._attempts.end(part)  # no image is to blame
        self._health.sick(why)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("the process has ended")

    def _loaded(self, part: int) -> "Detector":
        """The model; loaded here and not in `__init__`, where Ray would try for ever."""
        if self._detector is None:
            work = self._work
            self._health.load()
            if work.images is not None and not Path(work.images).is_dir():
                raise ClientError(f"A node of the cluster has no folder {work.images}.")
            detector = load_detector(
                open_archive(work.archive),
                device=work.device,
                name=work.name,
                version=work.version,
                stack=work.batch,
            )
            if work.pictures:
                register()
            self._check_model(detector, part)
            self._health.loaded()
            self._detector = detector
        return self._detector


def _name() -> str:
    """Of this worker, which Ray starts again under the same one."""
    import ray

    return str(ray.get_runtime_context().get_actor_id()) if ray.is_initialized() else "alone"


def _windows(
    images: Sequence[tuple[int, Listed]], suspects: Sequence[int]
) -> list[list[tuple[int, Listed]]]:
    """Images that are asked about together."""
    alone = [[one] for one in images if one[0] in suspects]
    others = [one for one in images if one[0] not in suspects]
    return alone + [others[start : start + _WINDOW] for start in range(0, len(others), _WINDOW)]


def _paths(images: Iterable[tuple[int, Listed]]) -> list[str]:
    return [image.path for _, image in images]
