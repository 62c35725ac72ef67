"""What a built network says of itself: its classes, its keypoints, what it answers with."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.modeling.meta_arch.dense_detector import DenseDetector
from detectron2.modeling.roi_heads import ROIHeads

from export.classes import Count
from export.errors import ExportError
from export.model_config import ModelConfig
from handler.metadata import DetectionSpec
from handler.model import build_network, network_input
from handler.model_input import InputBuilder
from handler.proposals import window_proposals


def build(config: ModelConfig, owner_modules: tuple[str, ...]) -> torch.nn.Module:
    """Build the network of a config on the CPU, without weights.

    Raises:
        ExportError: Detectron2 cannot build it; says why.
    """
    try:
        return build_network(config.text, kind=config.kind, modules=owner_modules, device="cpu")
    except Exception as error:
        # Detectron2 says what is wrong with a config by asserts, KeyErrors of its registries,
        # missing extensions as ImportErrors, and whatever else its parts raise.
        reason = f"{type(error).__name__}: {error}".strip(": ")
        raise ExportError(
            f"Detectron2 cannot build the network of the config: {reason}. Modules of your own "
            "are given with --extra-modules."
        ) from error


def thing_count(network: torch.nn.Module, config: ModelConfig) -> Count:
    """How many classes of instances the network tells apart.

    The part that says so is looked for everywhere: somebody's architecture may wrap Detectron2's.
    """
    if hasattr(network, "ins_embed_head"):  # Panoptic-DeepLab tells them by its segments
        return stuff_count(network, config)
    heads = {"yacs": "MODEL.ROI_HEADS.NUM_CLASSES", "lazy": "model.roi_heads.num_classes"}
    dense = {"yacs": "MODEL.RETINANET.NUM_CLASSES", "lazy": "model.num_classes"}
    for kind, source in ((ROIHeads, heads), (DenseDetector, dense)):
        for module in network.modules():
            if isinstance(module, kind):
                return Count(int(getattr(module, "num_classes", 0)), source[config.kind])
    return Count(0, heads[config.kind])


def stuff_count(network: Any, config: ModelConfig) -> Count:
    """How many classes of semantic segmentation the network tells apart."""
    source = {
        "yacs": "MODEL.SEM_SEG_HEAD.NUM_CLASSES",
        "lazy": "model.sem_seg_head.num_classes",
    }[config.kind]
    head = getattr(network, "sem_seg_head", None)
    if head is None:
        return Count(0, source)
    predictor = getattr(head, "predictor", None)
    number = getattr(head, "num_classes", 0) or getattr(predictor, "out_channels", 0)
    return Count(int(number or 0), source)


def keypoint_count(network: Any) -> int:
    """Number of keypoints of an instance; 0 for none."""
    head = getattr(getattr(network, "roi_heads", None), "keypoint_head", None)
    return int(getattr(head, "num_keypoints", 0) or 0)


def detection_spec(network: torch.nn.Module) -> DetectionSpec | None:
    """Which instances the network leaves out; None where no part of it says so.

    The part that says so is looked for everywhere, as its classes are.
    """
    found: Any = None
    for module in network.modules():
        if hasattr(module, "test_score_thresh") and hasattr(module, "test_nms_thresh"):
            found = module  # the last one: of a cascade its last stage decides
    if found is None:
        return None
    most = getattr(found, "test_topk_per_image", getattr(found, "max_detections_per_image", -1))
    return DetectionSpec(
        score_threshold=float(found.test_score_thresh),
        nms_threshold=float(found.test_nms_thresh),
        max_detections=int(most) if most >= 0 else None,
    )


def output_kinds(output: dict[str, Any]) -> tuple[str, ...]:
    """What an output dictionary of a network holds, in the words of the archive's metadata."""
    fields = {
        "pred_boxes": "boxes",
        "pred_masks": "masks",
        "pred_keypoints": "keypoints",
    }
    instances = output.get("instances")
    has = instances.has if instances is not None else lambda _: False
    found = [word for field, word in fields.items() if has(field)]
    keys = {"proposals": "proposals", "sem_seg": "semantic", "panoptic_seg": "panoptic"}
    return (*found, *(word for key, word in keys.items() if key in output))


def answer_to(
    network: torch.nn.Module, build_input: InputBuilder, image_bgr: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    """What the network answers to one image.

    Raises:
        ExportError: It fails; says why.
    """
    try:
        with torch.no_grad():
            proposals = window_proposals((image_bgr.shape[0], image_bgr.shape[1]))
            given = network_input(network, build_input(image_bgr, proposals), "cpu")
            (output,) = network([given])
    except Exception as error:  # the forward pass of anything that can be registered
        reason = f"{type(error).__name__}: {error}".strip(": ")
        raise ExportError(f"The network was built but does not run: {reason}.") from error
    return dict(output)
