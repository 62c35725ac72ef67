"""What it changes to run images in batches: the handler's own batches against image by image."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from detectron2.structures import ImageList

from export.open_as_worker import Arrays, as_arrays
from fidelity.check import prepare
from fidelity.deviation import Deviation, deviation
from fidelity.photographs import Photograph
from fidelity.zoo import Scale, ZooConfig
from handler.errors import HandlerError
from handler.inference import run_batch
from handler.model import Model
from handler.model_input import ModelInput

SIZES = (2, 8)

REPRESENTATIVES = (
    "COCO-Detection/faster_rcnn_R_50_DC5_1x.yaml",
    "COCO-Detection/fcos_R_50_FPN_1x.py",
    "COCO-Detection/retinanet_R_50_FPN_1x.yaml",
    "COCO-Detection/rpn_R_50_FPN_1x.yaml",
    "COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x.yaml",
    "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.yaml",
    "COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x.yaml",
    "COCO-PanopticSegmentation/panoptic_fpn_R_50_1x.yaml",
    "Misc/cascade_mask_rcnn_R_50_FPN_1x.yaml",
    "Misc/semantic_R_50_FPN_1x.yaml",
)
"""At least one for every task and kind of architecture."""

_CROP = 300  # pixels; the shortest side of all photographs


@dataclass(frozen=True)
class BatchRow:
    """What batches of one size change for one config.

    Attributes:
        config: Its name.
        shapes: Of the images: `equal` or `mixed`.
        size: Images of a batch.
        passes: How many images the forward passes had that the handler made of the batches.
        stacked_unequal: Passes whose images had not the same padded shape. There may be none.
        deviation: From the images run one by one.
        failure: What failed, or nothing.
        seconds: What the batches took.
    """

    config: str
    shapes: str
    size: int
    passes: tuple[int, ...] = ()
    stacked_unequal: int = 0
    deviation: Deviation = field(default_factory=Deviation)
    failure: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, with the `problem` that it has, or nothing."""
        problem = self.failure
        if self.stacked_unequal:
            problem = f"{self.stacked_unequal} passes with images of unequal padded shapes"
        elif not problem and not self.deviation.boxes + self.deviation.pixels:
            problem = "nothing compared"
        return {**asdict(self), "problem": problem}


def measure(zoo_config: ZooConfig, scale: Scale) -> list[BatchRow]:
    """Run eight images of equal and eight of mixed shapes in batches of each of `SIZES`.

    Nothing is left on the disk, whatever happens.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="fidelity-") as scratch:
            prepared = prepare(zoo_config, scale, Path(scratch))
            model = Model.load(prepared.opened, device="cpu")
            rows = []
            for shapes, images in eight_images(prepared.photographs).items():
                inputs = list(map(model.input_builder(), images))
                alone = _outputs(model, inputs, size=1)
                rows += [_row(zoo_config, shapes, size, model, inputs, alone) for size in SIZES]
            return rows
    except Exception as error:  # whatever the parts of any network raise is this config's result
        failure = " ".join(f"failed: {type(error).__name__}: {error}".split())
        return [BatchRow(zoo_config.name, "", 0, failure=failure)]


def eight_images(photographs: Sequence[Photograph]) -> dict[str, list[Any]]:
    """The photographs and their mirror images, cut to equal shapes and as they are.

    Returns:
        `equal` and `mixed`: eight (H, W, 3) uint8 arrays each, BGR. Neighbours differ in shape in
        `mixed`; each shape is there twice.
    """
    images = [photograph.image_bgr for photograph in photographs]
    mixed = [*images, *(np.ascontiguousarray(cv2.flip(image, 1)) for image in images)]
    equal = [np.ascontiguousarray(image[:_CROP, :_CROP]) for image in mixed]
    return {"equal": equal, "mixed": mixed}


def _row(
    zoo_config: ZooConfig,
    shapes: str,
    size: int,
    model: Model,
    inputs: list[ModelInput],
    alone: list[Arrays],
) -> BatchRow:
    start = time.perf_counter()
    with _recorded(model.network) as passes:
        outputs = _outputs(model, inputs, size=size)
    return BatchRow(
        config=zoo_config.name,
        shapes=shapes,
        size=size,
        passes=tuple(sorted(map(len, passes), reverse=True)),
        stacked_unequal=sum(len(set(one)) > 1 for one in passes),
        deviation=deviation(outputs, alone),
        seconds=round(time.perf_counter() - start, 1),
    )


def _outputs(model: Model, inputs: Sequence[ModelInput], *, size: int) -> list[Arrays]:
    """What the handler makes of images that come in batches.

    Raises:
        HandlerError: What it made of one that failed.
    """
    outputs: list[Arrays] = []
    for start in range(0, len(inputs), size):
        batch, _ = run_batch(model, inputs[start : start + size], stack=size)
        for output in batch:
            if isinstance(output, HandlerError):
                raise output
            outputs.append(as_arrays(output))
    return outputs


@contextmanager
def _recorded(network: torch.nn.Module) -> Iterator[list[list[tuple[int, ...]]]]:
    """Of every forward pass meanwhile, the shape that Detectron2 pads each of its images to alone.

    Yields:
        A list that grows with every pass.
    """
    passes: list[list[tuple[int, ...]]] = []
    stride: int = network.backbone.size_divisibility  # type: ignore[assignment, union-attr]

    def record(_: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        images = [one["image"] for one in arguments[0]]
        padded = [ImageList.from_tensors([image], stride).tensor for image in images]
        passes.append([tuple(one.shape) for one in padded])

    handle = network.register_forward_pre_hook(record)
    try:
        yield passes
    finally:
        handle.remove()
