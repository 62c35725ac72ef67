"""What a finished archive is held against: Detectron2, and the same network at its precision."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from detectron2.data.detection_utils import transform_proposals
from detectron2.data.transforms import ResizeShortestEdge, ResizeTransform, Transform
from detectron2.engine import DefaultPredictor
from detectron2.structures import BoxMode

from export.model_config import ModelConfig
from handler.config import parse_config
from handler.metadata import InputSpec, Precision
from handler.precision import prepare, running
from handler.proposals import window_proposals

ImageBGR = npt.NDArray[np.uint8]
Predict = Callable[[ImageBGR], dict[str, Any]]


def reference_predictor(
    config: ModelConfig, network: torch.nn.Module, scratch: Path
) -> tuple[str, Predict]:
    """What Detectron2 itself would answer with, and its name.

    Args:
        config: The config for serving.
        network: The network with the weights.
        scratch: Folder for a checkpoint.

    Raises:
        OSError: The disk is full, or the like.
    """
    if config.kind == "lazy" or config.input.proposal_topk is not None:
        return "the model called directly", _direct(network, config.input)
    weights = scratch / "reference.pth"
    try:
        torch.save({"model": network.state_dict()}, weights)
    except RuntimeError as error:  # what it makes of a full disk
        raise OSError(str(error)) from error
    yacs_config = parse_config(config.text)
    yacs_config.MODEL.WEIGHTS = str(weights)
    return "DefaultPredictor", DefaultPredictor(yacs_config)


def faster_predictor(
    config: ModelConfig, network: torch.nn.Module, precision: Precision
) -> tuple[str, Predict]:
    """What the network answers with at a faster precision, and its name."""
    faster = copy.deepcopy(network)
    prepare(faster, precision)
    predict = _direct(faster, config.input, resized=_resized_by_torch)

    def predict_faster(image_bgr: ImageBGR) -> dict[str, Any]:
        with running(precision, device="cpu"):
            return predict(image_bgr)

    return f"the model at {precision}", predict_faster


def _resized_by_pillow(transform: Transform, image: ImageBGR) -> torch.Tensor:
    return torch.as_tensor(transform.apply_image(image).astype("float32").transpose(2, 0, 1))


def _resized_by_torch(transform: Transform, image: ImageBGR) -> torch.Tensor:
    tensor = torch.as_tensor(np.ascontiguousarray(image).transpose(2, 0, 1))
    if isinstance(transform, ResizeTransform):
        size_hw = (transform.new_h, transform.new_w)
        # Not torchvision's resize, which takes another way on processors without AVX2.
        (tensor,) = F.interpolate(tensor[None], size_hw, mode="bilinear", antialias=True)
    return tensor.float()


def _direct(
    network: torch.nn.Module,
    spec: InputSpec,
    *,
    resized: Callable[[Transform, ImageBGR], torch.Tensor] = _resized_by_pillow,
) -> Predict:
    """The network, with the input that Detectron2's own functions make of an image."""
    shortest_edge = ResizeShortestEdge([spec.min_size, spec.min_size], spec.max_size)

    def predict(image_bgr: ImageBGR) -> dict[str, Any]:
        height, width = image_bgr.shape[:2]
        image = image_bgr[:, :, ::-1] if spec.channels == "RGB" else image_bgr
        transform = shortest_edge.get_transform(image)
        tensor = resized(transform, image)
        given: dict[str, Any] = {"image": tensor, "height": height, "width": width}
        if spec.proposal_topk is not None:
            windows = window_proposals((height, width))
            given["proposal_boxes"] = windows.boxes_xyxy
            given["proposal_objectness_logits"] = windows.objectness
            given["proposal_bbox_mode"] = BoxMode.XYXY_ABS
            transform_proposals(
                given, tensor.shape[1:], transform, proposal_topk=spec.proposal_topk
            )
        with torch.no_grad():
            outputs: list[dict[str, Any]] = network([given])
        return outputs[0]

    return predict
