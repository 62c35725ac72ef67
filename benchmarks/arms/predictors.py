"""Bare loops around Detectron2: B0, B1 and B2. Nothing of ours runs in them but faster networks."""

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from detectron2.evaluation.coco_evaluation import instances_to_coco_json

from benchmarks.material import Image, decode
from benchmarks.models import ModelFiles
from handler.metadata import Precision
from handler.precision import prepare, running

Stages = dict[str, float]
"""Milliseconds by stage."""

Run = Callable[[int], tuple[Any, Stages]]
"""Answers about the image of this number, and says how long the stages took."""


@dataclass(frozen=True)
class Predictors:
    """The loops of one process, on one `DefaultPredictor`.

    Attributes:
        predictor: Detectron2's.
        images: The material.
        device: `cpu` or `cuda`.
    """

    predictor: Any
    images: Sequence[Image]
    device: str

    @classmethod
    def load(cls, files: ModelFiles, images: Sequence[Image], device: str) -> "Predictors":
        """Load the model."""
        return cls(files.predictor(device), images, device)

    def forward(self, precision: str = "exact") -> Run:
        """B0: the model alone, on inputs that lie ready on its device.

        Args:
            precision: Any but `exact` is a copy of the network, changed as in our handler.
        """
        inputs = [self._ready(image) for image in self.images]
        network = self.predictor.model
        as_ours = cast(Precision, precision)
        if precision != "exact":
            network = copy.deepcopy(network)
            prepare(network, as_ours)

        def run(index: int) -> tuple[Any, Stages]:
            with torch.no_grad(), running(as_ours, device=self.device):
                (output,) = network([inputs[index]])
            self._synchronise()
            return output["instances"], {}

        return run

    def predict(self, index: int) -> tuple[Any, Stages]:
        """B1: the file decoded, `DefaultPredictor` called, what it gives left where it is."""
        instances = self.predictor(decode(self.images[index].jpeg))["instances"]
        self._synchronise()
        return instances, {}

    def serial_service(self, index: int) -> tuple[bytes, Stages]:
        """B2: B1, then Detectron2's own run lengths and JSON: an honest service without a server.

        The stages are named as our handler's are. `read` is, on a GPU, where both wait for it.
        """
        clock = _Clock()
        image_bgr = decode(self.images[index].jpeg)
        clock.stage("decode")
        model_ms = _timed(self.predictor.model)
        instances = self.predictor(image_bgr)["instances"]
        clock.stage("preprocess")
        on_cpu = instances.to("cpu")
        clock.stage("read")
        objects = instances_to_coco_json(on_cpu, index)
        clock.stage("masks")
        body = json.dumps(objects).encode()
        clock.stage("encode")
        clock.stages["model"] = spent = model_ms()
        clock.stages["preprocess"] -= spent
        return body, clock.stages

    def _ready(self, image: Image) -> dict[str, Any]:
        """As `DefaultPredictor` prepares it, moved to the device."""
        given: list[dict[str, Any]] = []
        handle = self.predictor.model.register_forward_pre_hook(
            lambda _, arguments: given.append(arguments[0][0])
        )
        try:
            self.predictor(decode(image.jpeg))
        finally:
            handle.remove()
        return {**given[0], "image": given[0]["image"].to(self.device)}

    def _synchronise(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize()


class _Clock:
    """Says how long each part took."""

    def __init__(self) -> None:
        self.stages: Stages = {}
        self._last = time.perf_counter()

    def stage(self, name: str) -> None:
        """What ran since the last call."""
        now = time.perf_counter()
        self.stages[name] = (now - self._last) * 1000
        self._last = now


def _timed(model: torch.nn.Module) -> Callable[[], float]:
    """Measure the next call of a model; what is returned gives its milliseconds afterwards."""
    times: list[float] = []
    handles = [
        model.register_forward_pre_hook(lambda *_: times.append(time.perf_counter())),
        model.register_forward_hook(lambda *_: times.append(time.perf_counter())),
    ]

    def finish() -> float:
        for handle in handles:
            handle.remove()
        return (times[1] - times[0]) * 1000

    return finish
