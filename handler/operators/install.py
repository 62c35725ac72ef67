"""Puts our operators where Detectron2 looks for its compiled ones and finds none that run."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import torch
from detectron2.layers import deform_conv as layers

from handler.operators.deformable import (
    DeformConv,
    ModulatedDeformConv,
    deform_conv,
    modulated_deform_conv,
)
from handler.operators.rotated_iou import box_iou_rotated
from handler.operators.rotated_nms import nms_rotated
from handler.operators.rotated_roi_align import roi_align_rotated_forward

log = logging.getLogger(__name__)

_OF_PYTHON: dict[str, Any] = {
    "DeformConv": DeformConv,
    "ModulatedDeformConv": ModulatedDeformConv,
    "deform_conv": deform_conv,
    "modulated_deform_conv": modulated_deform_conv,
}
"""Names of `detectron2.layers.deform_conv`."""

_STAND_INS = "detectron2.utils.develop"
"""Where Detectron2 makes what raises `ImportError` in place of what was not compiled."""

_OF_TORCH: dict[str, tuple[str, Callable[..., torch.Tensor]]] = {
    "nms_rotated": ("(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor", nms_rotated),
    "box_iou_rotated": ("(Tensor boxes1, Tensor boxes2) -> Tensor", box_iou_rotated),
    "roi_align_rotated_forward": (
        "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
        "int sampling_ratio) -> Tensor",
        roi_align_rotated_forward,
    ),
}
"""Names of `torch.ops.detectron2`, each with its schema."""


def install_missing(*, device: str | None = None) -> tuple[str, ...]:
    """Install what Detectron2 lacks without its compiled extension; leave alone what it has.

    Args:
        device: Where a network is going to run, such as `cpu` or `cuda:0`, if that is known. On a
            CPU compiled deformable convolutions raise `NotImplementedError`, all but the simplest,
            so they count as missing there.

    Returns:
        Names of what was installed by this call; none where nothing was missing.
    """
    names = (*_replace_layers(also_compiled=device == "cpu"), *_register_operators())
    if names:
        log.info("%s run on PyTorch and torchvision, not compiled ones", ", ".join(names))
    return names


def _replace_layers(*, also_compiled: bool) -> list[str]:
    """Exchange what cannot run, in every module that has imported it."""
    useless = {
        name: found
        for name, ours in _OF_PYTHON.items()
        if (found := getattr(layers, name)) is not ours
        and (also_compiled or found.__module__ == _STAND_INS)
    }
    # By identity: what modules hold may answer to == in ways of its own.
    ours = {id(found): _OF_PYTHON[name] for name, found in useless.items()}
    for module in list(sys.modules.values()) if ours else ():
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in ours:
                setattr(module, name, ours[id(value)])
    return list(useless)


def _register_operators() -> list[str]:
    """Register what `torch.ops.detectron2` lacks, for every kind of device."""
    names = [name for name in _OF_TORCH if not hasattr(torch.ops.detectron2, name)]
    for name in names:
        schema, function = _OF_TORCH[name]
        torch.library.define(f"detectron2::{name}", schema)
        torch.library.impl(f"detectron2::{name}", "default", function)
    return names
