"""Images of a batch -> the bodies that answer them: prepared, run, encoded, window by window."""

from collections.abc import Sequence
from typing import TypeAlias

from torch.cuda import OutOfMemoryError

from handler.answers import Asked
from handler.errors import HandlerError, OutOfMemory
from handler.formats.answer import AnsweredImage
from handler.formats.registry import FORMATS
from handler.host_threads import HostThreads
from handler.inference import Output, run_batch
from handler.mask_time import measured
from handler.model import Model
from handler.model_input import ModelInput
from handler.outcome import Outcome, attempt
from handler.predictions import Predictions
from handler.preparation import Prepared, Preparer
from handler.request import SentImage
from handler.selection import select
from handler.settings import Settings
from handler.tiling.run import predict_tiles
from handler.tiling.tiles import Tile

Found: TypeAlias = tuple[Outcome[Prepared], Outcome[Predictions]]
"""An image and what the network says of it."""


class ImagePipeline:
    """Answers about images with one model; what goes wrong with one stays its own."""

    def __init__(
        self,
        model: Model,
        *,
        name: str,
        version: str,
        settings: Settings,
        stack: int,
        host_threads: int,
    ) -> None:
        self._model = model
        self._name = name
        self._version = version
        self._stack = stack
        self._threads = HostThreads(host_threads)
        self._build_input = model.input_builder()
        self._prepare = Preparer(
            self._build_input,
            takes_proposals=model.metadata.input.proposal_topk is not None,
            settings=settings,
        )

    def __call__(self, images: Sequence[tuple[Asked, SentImage]]) -> list[Outcome[bytes]]:
        """Answer about images, each with the request that it belongs to.

        No more of them and of their masks are held than one forward pass takes, three times as
        many with threads: they are gigabytes.
        """
        bodies: list[Outcome[bytes]] = []
        windows = [
            images[start : start + self._stack] for start in range(0, len(images), self._stack)
        ]
        prepared = self._threads.ahead(self._prepare_one, windows[0] if windows else ())
        encoded = self._threads.behind(self._body, ())
        for following in (*windows[1:], ()):
            ready = prepared()
            prepared = self._threads.ahead(self._prepare_one, following)
            found = self._run(ready)
            bodies += encoded()
            encoded = self._threads.behind(self._body, found)
            del ready, found
        return bodies + encoded()

    def _prepare_one(self, image: tuple[Asked, SentImage]) -> Outcome[Prepared]:
        asked, sent = image
        prepared = self._prepare(asked, sent)
        if isinstance(prepared, HandlerError):
            asked.record.errors.append(prepared.type)
        else:
            height, width = prepared.image_bgr.shape[:2]
            asked.record.megapixels.append(height * width / 1e6)
        return prepared

    def _run(self, images: Sequence[Outcome[Prepared]]) -> list[Found]:
        inputs = [
            one.given
            for one in images
            if isinstance(one, Prepared) and isinstance(one.given, ModelInput)
        ]
        passes = zip(*run_batch(self._model, inputs, stack=self._stack), strict=True)
        found: list[Found] = []
        for image in images:
            if isinstance(image, HandlerError):
                found.append((image, image))
            elif isinstance(image.given, ModelInput):
                output, duration_ms = next(passes)
                image.asked.timings.add("model", duration_ms)
                # Here and not in a thread: what a thread holds of the device's memory, the next
                # forward pass lacks.
                found.append((image, self._predictions(image, output)))
            else:
                found.append((image, self._predictions_by_tiles(image, image.given)))
        return found

    def _body(self, found: Found) -> Outcome[bytes]:
        image, predictions = found
        if isinstance(image, HandlerError):
            return image
        body = self._encode(image, predictions)
        record = image.asked.record
        if isinstance(body, HandlerError):
            record.errors.append(body.type)
        elif isinstance(predictions, Predictions):
            class_of = self._model.metadata.class_of
            record.class_names.extend(
                class_of(one).name for one in predictions.objects.class_ids.tolist()
            )
        return body

    def _predictions(self, image: Prepared, output: Outcome[Output]) -> Outcome[Predictions]:
        size_hw = (image.image_bgr.shape[0], image.image_bgr.shape[1])

        def read(given: Output) -> Predictions:
            try:
                predictions = Predictions.from_output(
                    given, size_hw=size_hw, panoptic_ids=self._model.panoptic_ids
                )
            except OutOfMemoryError as error:
                raise OutOfMemory(
                    f"What was found in the image of {size_hw[1]} x {size_hw[0]} pixels does not "
                    "fit into the memory of the server's device; send a smaller one."
                ) from error
            return select(predictions, image.asked.options)

        return attempt(read, output, image.asked.timings, "read")

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
