"""`Detector`: rows in, answers out, for a whole batch, under any server.

What goes wrong with one item is that item's answer; the others never notice.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

from handler.errors import HandlerError, InternalError
from handler.formats.native import CONTENT_TYPE, encode_native
from handler.image import decode_image
from handler.model import Model
from handler.model_input import InputBuilder, ModelInput
from handler.predictions import Predictions
from handler.request import Row, parse_request
from handler.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")
Outcome: TypeAlias = T | HandlerError


@dataclass(frozen=True)
class Answer:
    """What one client gets.

    Attributes:
        body: Encoded response body.
        content_type: Its media type.
        status: HTTP status.
    """

    body: bytes
    content_type: str
    status: int = 200


class Detector:
    """A loaded model that answers batches of requests."""

    def __init__(
        self, model: Model, *, name: str, version: str, settings: Settings | None = None
    ) -> None:
        self._model = model
        self._name = name
        self._version = version
        self._settings = settings or Settings()
        self._build_input = InputBuilder(model.metadata.input)

    @classmethod
    def load(
        cls,
        model_dir: Path,
        *,
        device: str,
        name: str,
        version: str,
        settings: Settings | None = None,
    ) -> "Detector":
        """Load the model of an opened archive and run it once.

        The first forward pass of a process is slow and the likeliest to fail, so it happens here
        and not on a client's request.

        Args:
            model_dir: Folder that the archive was opened in.
            device: `cpu`, `cuda:0`, ...
            name: Name that answers carry.
            version: Version that answers carry.
            settings: The owner's settings.
        """
        model = Model.load(model_dir, device=device)
        detector = cls(model, name=name, version=version, settings=settings)
        side = model.metadata.input.min_size or 256
        blank_bgr = np.zeros((side, side, 3), dtype=np.uint8)
        model.predict([detector._build_input(blank_bgr)])
        return detector

    def answer(self, rows: Sequence[Row]) -> list[Answer]:
        """Answer a batch: one answer a row, in the same order, whatever the rows hold."""
        inputs = [_attempt(self._prepare, row) for row in rows]
        outputs = self._predict(inputs)
        bodies = [_attempt(self._encode, output) for output in outputs]
        return [_answer(body) for body in bodies]

    def _prepare(self, row: Row) -> ModelInput:
        request = parse_request(row)
        image_bgr = decode_image(request.image_bytes, max_pixels=self._settings.max_image_pixels)
        return self._build_input(image_bgr)

    def _predict(self, inputs: Sequence[Outcome[ModelInput]]) -> list[Outcome[dict[str, Any]]]:
        outputs: dict[int, Outcome[dict[str, Any]]] = {
            index: item for index, item in enumerate(inputs) if isinstance(item, HandlerError)
        }
        for group in self._stackable(inputs):
            outputs.update(zip(group, self._forward(list(group.values())), strict=True))
        return [outputs[index] for index in range(len(inputs))]

    def _stackable(self, inputs: Sequence[Outcome[ModelInput]]) -> list[dict[int, ModelInput]]:
        """The inputs that may share a forward pass, group by group, keyed by their index."""
        groups: dict[tuple[int, int], dict[int, ModelInput]] = {}
        for index, item in enumerate(inputs):
            if isinstance(item, ModelInput):
                groups.setdefault(self._model.padded_size_hw(item), {})[index] = item
        return list(groups.values())

    def _forward(self, group: list[ModelInput]) -> list[Outcome[dict[str, Any]]]:
        outputs = _attempt(self._model.predict, group)
        if not isinstance(outputs, HandlerError):
            return list(outputs)
        if len(group) == 1:
            return [outputs]
        # One of them, or their number, was too much: alone, each fails or succeeds for itself.
        return [output for item in group for output in self._forward([item])]

    def _encode(self, output: dict[str, Any]) -> bytes:
        return encode_native(
            Predictions.from_instances(output["instances"]),
            classes=self._model.metadata.class_names,
            model_name=self._name,
            model_version=self._version,
        )


def _attempt(step: Callable[[T], U], value: Outcome[T]) -> Outcome[U]:
    """Run one step for one item; what goes wrong, now or before, stays with that item."""
    if isinstance(value, HandlerError):
        return value
    try:
        return step(value)
    except HandlerError as error:
        return error
    except Exception:
        log.exception("%s failed", step.__qualname__)
        return InternalError()


def _answer(body: Outcome[bytes]) -> Answer:
    if not isinstance(body, HandlerError):
        return Answer(body=body, content_type=CONTENT_TYPE)
    # The keys that TorchServe's own error bodies have.
    document = {"code": body.status, "type": body.type, "message": str(body)}
    return Answer(
        body=json.dumps(document, ensure_ascii=False).encode(),
        content_type="application/json",
        status=body.status,
    )
