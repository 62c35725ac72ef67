"""What names and shapes of weights say of the network that they are of."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

_PARTS = {
    "proposals": re.compile(r"(^|\.)rpn_head\."),
    "boxes": re.compile(
        r"(^|\.)box_predictor\.(\d+\.)?cls_score\.|^cls_score\.|(^|\.)head\.cls_score\."
    ),
    "masks": re.compile(r"(^|\.)mask_head\."),
    "keypoints": re.compile(r"(^|\.)keypoint_head\."),
    "semantic": re.compile(r"(^|\.)sem_seg_head\."),
}
"""Heads in Detectron2's names; Detectron1's, converted, have no module before `cls_score`."""

_RCNN_CLASSES = re.compile(r"((^|\.)box_predictor\.(\d+\.)?|^)cls_score\.weight$")
_DENSE_CLASSES = re.compile(r"(^|\.)head\.cls_score\.weight$")
_DENSE_BOXES = re.compile(r"(^|\.)head\.bbox_pred\.weight$")
_KEYPOINTS = re.compile(r"(^|\.)keypoint_head\.score(_lowres)?\.bias$")
_SEMANTIC_CLASSES = re.compile(r"(^|\.)sem_seg_head\.predictor\.weight$")

_BLOCK = re.compile(r"(?:^|\.)res([34])\.(\d+)\.conv(\d)\.weight")
_DEPTHS = {(4, 6): 50, (4, 23): 101, (8, 36): 152}
"""Of ResNets of bottleneck blocks, by how many of those res3 and res4 have."""

_ARCHITECTURES = {
    "GeneralizedRCNN": ({"backbone", "roi_heads"}, {"proposal_generator"}),
    "PanopticFPN": ({"backbone", "proposal_generator", "roi_heads", "sem_seg_head"}, set()),
    "ProposalNetwork": ({"backbone", "proposal_generator"}, set()),
    "SemanticSegmentor": ({"backbone", "sem_seg_head"}, set()),
    "PanopticDeepLab": ({"backbone", "sem_seg_head", "ins_embed_head"}, set()),
}
"""Detectron2's, and the modules that each has; those after the comma it may have."""
_BUFFERS = {"pixel_mean", "pixel_std"}  # which old checkpoints carry


@dataclass(frozen=True)
class Parts:
    """A network, as far as its weights tell.

    Attributes:
        architecture: The one of Detectron2 whose modules these are; None where they are others.
        depth: Layers of its ResNet: 50, 101 or 152.
        has_fpn: Whether there is a feature pyramid.
        heads: Of `proposals`, `boxes`, `masks`, `keypoints`, `semantic`.
        classes: Of instances, the background not counted.
        keypoints: Of an instance.
        semantic_classes: Of semantic segmentation.
    """

    architecture: str | None = None
    depth: int | None = None
    has_fpn: bool = False
    heads: tuple[str, ...] = ()
    classes: int | None = None
    keypoints: int | None = None
    semantic_classes: int | None = None


def find_parts(tensors: Mapping[str, torch.Tensor]) -> Parts:
    """Look at names and shapes.

    Args:
        tensors: By Detectron2's names.
    """
    return Parts(
        architecture=_architecture(tensors),
        depth=_depth(tensors),
        has_fpn=any(re.search(r"(^|\.)fpn_(lateral|output)\d", name) for name in tensors),
        heads=tuple(kind for kind, head in _PARTS.items() if any(map(head.search, tensors))),
        classes=_classes(tensors),
        keypoints=_rows(tensors, _KEYPOINTS),
        semantic_classes=_rows(tensors, _SEMANTIC_CLASSES),
    )


def _architecture(names: Iterable[str]) -> str | None:
    modules = {name.partition(".")[0] for name in names} - _BUFFERS
    if modules == {"backbone", "head"} and any("head.cls_subnet." in name for name in names):
        return "FCOS" if any("head.ctrness." in name for name in names) else "RetinaNet"
    for architecture, (needed, allowed) in _ARCHITECTURES.items():
        if needed <= modules <= needed | allowed:
            is_other = any("sem_seg_head.pixel_decoder." in name for name in names)
            return None if is_other else architecture
    if "cls_score" in modules:  # Detectron1's R-CNNs
        return "GeneralizedRCNN"
    return None


def _depth(names: Iterable[str]) -> int | None:
    blocks: dict[str, set[str]] = {"3": set(), "4": set()}
    found = [match for name in names if (match := _BLOCK.search(name))]
    for match in found:
        blocks[match[1]].add(match[2])
    is_bottleneck = any(match[3] == "3" for match in found)
    return _DEPTHS.get((len(blocks["3"]), len(blocks["4"]))) if is_bottleneck else None


def _classes(tensors: Mapping[str, torch.Tensor]) -> int | None:
    rows = _rows(tensors, _RCNN_CLASSES)
    if rows is not None:
        return rows - 1  # the background has one
    rows, boxes = _rows(tensors, _DENSE_CLASSES), _rows(tensors, _DENSE_BOXES)
    anchors = (boxes or 0) // 4
    return rows // anchors if rows and anchors else None


def _rows(tensors: Mapping[str, torch.Tensor], pattern: re.Pattern[str]) -> int | None:
    found = (tensor for name, tensor in tensors.items() if pattern.search(name) and tensor.dim())
    return next((tensor.shape[0] for tensor in found), None)
