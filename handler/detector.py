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
from handler.formats.answer import AnsweredImage
from handler.formats.compact_json import compact_json
from handler.formats.registry import FORMATS
from handler.inference import Output, run_batch
from handler.mask_time import measured
from handler.model import Model
from handler.model_input import InputBuilder, ModelInput
from handler.options import parse_options
from handler.outcome import Outcome, attempt
from handler.predictions import Predictions
from handler.preparation import Prepared, Preparer
from handler.proposals import window_proposals
from handler.request import Envelope, Row, asks_for_description, parse_request
from handler.selection import select
from handler.settings import Settings
from handler.tiling.run import predict_tiles, refuse_tiles
from handler.tiling.tiles import Tile

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
    ) -> None:
        self._model = model
        self._stack = stack
        self._name = name
        self._version = version
        self._settings = settings or Settings()
        self._build_input = InputBuilder(model.metadata.input)
        self._prepare = Preparer(
            self._build_input,
            takes_proposals=model.metadata.input.proposal_topk is not None,
            settings=self._settings,
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
        """
        model = Model.load(model_dir, device=device)
        use_exact_backends()  # after the owner's modules, which may turn switches of their own
        detector = cls(model, name=name, version=version, settings=settings, stack=stack)
        side = model.metadata.input.min_size or 256
        blank_bgr = np.zeros((side, side, 3), dtype=np.uint8)
        model.predict([detector._build_input(blank_bgr, window_proposals((side, side)))])
        return detector

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
        bodies: list[Outcome[bytes]] = []
        # No more images and masks at once than one forward pass takes: they are gigabytes.
        for start in range(0, len(images), self._stack):
            window = images[start : start + self._stack]
            bodies += self._bodies([self._prepare(one, image) for _, one, image in window])
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

    def _bodies(self, images: Sequence[Outcome[Prepared]]) -> list[Outcome[bytes]]:
        prepared = [one for one in images if not isinstance(one, HandlerError)]
        inputs = [one.given for one in prepared if isinstance(one.given, ModelInput)]
        passes = zip(*run_batch(self._model, inputs, stack=self._stack), strict=True)
        bodies: list[Outcome[bytes]] = []
        for image in images:
            if isinstance(image, HandlerError):
                bodies.append(image)
            elif isinstance(image.given, ModelInput):
                output, duration = next(passes)
                timings = image.asked.timings
                timings["model"] = timings.get("model", 0.0) + duration
                bodies.append(self._encode(image, self._predictions(image, output)))
            else:
                bodies.append(self._encode(image, self._predictions_by_tiles(image, image.given)))
        return bodies

    def _predictions(self, image: Prepared, output: Outcome[Output]) -> Outcome[Predictions]:
        return attempt(
            lambda given: select(
                Predictions.from_output(
                    given,
                    size_hw=(image.image_bgr.shape[0], image.image_bgr.shape[1]),
                    panoptic_ids=self._model.panoptic_ids,
                ),
                image.asked.options,
            ),
            output,
            image.asked.timings,
            "read",
        )

    def _predictions_by_tiles(self, image: Prepared, tiles: Sequence[Tile]) -> Outcome[Predictions]:
        predictions = predict_tiles(
            self._model,
            self._build_input,
            image.image_bgr,
            tiles,
            stack=self._stack,
            timings=image.asked.timings,
        )
        return attempt(
            lambda given: select(given, image.asked.options),
            predictions,
            image.asked.timings,
            "merge",
        )

    def _encode(self, image: Prepared, predictions: Outcome[Predictions]) -> Outcome[bytes]:
        asked = image.asked
        with measured() as masks_ms:
            body = attempt(
                lambda given: FORMATS[asked.options.format].encode(
                    AnsweredImage(
                        predictions=given,
                        metadata=self._model.metadata,
                        model_name=self._name,
                        model_version=self._version,
                        options=asked.options,
                        image_bgr=image.image_bgr,
                    )
                ),
                predictions,
                asked.timings,
                "encode",
            )
        asked.timings.move("encode", "masks", sum(masks_ms))
        return body

    def _assemble(self, asked: Outcome[Asked], bodies: Sequence[Outcome[bytes]]) -> Answer:
        limit = self._settings.max_response_bytes
        answer = attempt(lambda parts: assemble(asked, parts, max_bytes=limit), bodies)
        return error_answer(answer) if isinstance(answer, HandlerError) else answer
