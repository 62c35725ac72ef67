"""`Detector`: rows in, answers out, for a whole batch, under any server.

What goes wrong with one item is that item's answer; the others never notice.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handler.answers import Answer, Asked, assemble, error_answer
from handler.description import describe
from handler.errors import HandlerError, InternalError
from handler.exactness import use_exact_backends
from handler.formats.compact_json import compact_json
from handler.formats.registry import FORMATS
from handler.image_pipeline import ImagePipeline
from handler.model import Model
from handler.options import parse_options
from handler.outcome import Outcome, attempt
from handler.proposals import window_proposals
from handler.request import Envelope, Row, asks_for_description, parse_request
from handler.settings import Settings
from handler.tiling.run import refuse_tiles

log = logging.getLogger(__name__)

PICTURE_FORMATS = {"image/jpeg": "overlay", "image/png": "overlay_png"}


class Detector:
    """A loaded model that answers batches of requests."""

    def __init__(
        self,
        model: Model,
        *,
        name: str,
        version: str,
        settings: Settings | None = None,
        stack: int = 1,
        host_threads: int = 1,
    ) -> None:
        self._model = model
        self._name = name
        self._version = version
        self._settings = settings or Settings()
        self._pipeline = ImagePipeline(
            model,
            name=name,
            version=version,
            settings=self._settings,
            stack=stack,
            host_threads=host_threads,
        )

    @classmethod
    def load(
        cls,
        model_dir: Path,
        *,
        device: str,
        name: str,
        version: str,
        settings: Settings | None = None,
        stack: int = 1,
        host_threads: int = 1,
    ) -> "Detector":
        """Load the model of an opened archive and run it once.

        The first forward pass of a process is slow and the likeliest to fail, so it happens here
        and not on a client's request. torch's backends are switched to exactness.

        Args:
            model_dir: Folder that the archive was opened in.
            device: `cpu`, `cuda:0`, ...
            name: Name that answers carry.
            version: Version that answers carry.
            settings: The owner's settings.
            stack: Most images of one forward pass. With 1 answers equal Detectron2's bit for bit,
                however many images a batch or a request has.
            host_threads: Threads that decode and encode while the network runs; with 1 there are
                none.
        """
        model = Model.load(model_dir, device=device)
        use_exact_backends()  # after the owner's modules, which may turn switches of their own
        _run_once(model)
        return cls(
            model,
            name=name,
            version=version,
            settings=settings,
            stack=stack,
            host_threads=host_threads,
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the objects that the model can find, by class id."""
        return self._model.metadata.class_names

    def answer(self, rows: Sequence[Row]) -> list[Answer]:
        """Answer a batch: one answer a row, in the same order, whatever the rows hold."""
        try:
            return self._answer_all(rows)
        except Exception:
            failure = InternalError()
            log.exception("%s: a whole batch failed", failure.id)
            return [error_answer(failure) for _ in rows]

    def describe(self) -> dict[str, Any]:
        """What the model says of itself, as JSON values."""
        return describe(
            self._model.metadata,
            model_name=self._name,
            model_version=self._version,
            settings=self._settings,
        )

    def _answer_all(self, rows: Sequence[Row]) -> list[Answer]:
        asked = [
            Answer(compact_json(self.describe()))
            if asks_for_description(row)
            else attempt(self._read, row)
            for row in rows
        ]
        # Images of all requests side by side; `owners` says whose each of them is.
        images = [
            (index, one, image)
            for index, one in enumerate(asked)
            if isinstance(one, Asked)
            for image in one.request.images
        ]
        owners = [index for index, _, _ in images]
        bodies = self._pipeline([(one, image) for _, one, image in images])
        return [
            one
            if isinstance(one, Answer)
            else self._assemble(
                one, [body for body, owner in zip(bodies, owners, strict=True) if owner == index]
            )
            for index, one in enumerate(asked)
        ]

    def _read(self, row: Row) -> Asked:
        request = parse_request(row, max_images=self._settings.max_images_per_request)
        options = parse_options(
            request.given,
            class_names=self._model.metadata.class_names,
            formats=list(FORMATS),
        )
        if options.tile is not None:
            refuse_tiles(self._model.metadata, options.tile)
        if request.envelope is Envelope.V2 and "format" not in request.given:
            options = replace(options, format="kserve_v2")
        elif request.picture_type is not None and "format" not in request.given:
            options = replace(options, format=PICTURE_FORMATS[request.picture_type])
        return Asked(request, options)

    def _assemble(self, asked: Outcome[Asked], bodies: Sequence[Outcome[bytes]]) -> Answer:
        limit = self._settings.max_response_bytes
        answer = attempt(lambda parts: assemble(asked, parts, max_bytes=limit), bodies)
        return error_answer(answer) if isinstance(answer, HandlerError) else answer


def _run_once(model: Model) -> None:
    side = model.metadata.input.min_size or 256
    blank_bgr = np.zeros((side, side, 3), dtype=np.uint8)
    build_input = model.input_builder()
    model.predict([build_input(blank_bgr, window_proposals((side, side)))])
