"""A network's small masks -> pixels of the image, bit for bit as Detectron2 pastes them on a CPU.

Detectron2 samples the part of the image around each box, and copies it into a mask of the whole
image. Here that part is all that is kept: no image is filled with zeros for each object, and the
many small tensors on the way to the sampling become a few arrays for all objects together.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from detectron2.modeling.meta_arch import GeneralizedRCNN, rcnn
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Instances
from torch import Tensor, nn

from handler.cropped_masks import Crop, CroppedMasks

_THRESHOLD = 0.5
"""`detector_postprocess`'s default, with which every meta-architecture calls it."""

_METHODS = ("forward", "inference", "_postprocess")


def _functions() -> list[Any]:
    return [vars(GeneralizedRCNN)[name] for name in _METHODS] + [rcnn.detector_postprocess]


_DETECTRON2S = _functions()
"""As they are before any module of a model's owner is imported."""

_SMALL_MASKS = "small_masks"
_WITH_CHANNEL = 4  # (N, 1, M, M)


def can_paste(network: nn.Module, *, device: str) -> bool:
    """Whether `run_and_paste` gives what the network itself does.

    Other meta-architectures do more with whole masks than to hand them out; subclasses, hooks and
    functions that somebody put in the place of Detectron2's may. On a GPU masks are pasted all at
    once and encoded there.
    """
    is_plain = type(network) is GeneralizedRCNN and _functions() == _DETECTRON2S
    is_changed = any(name in vars(network) for name in _METHODS)
    has_hooks = bool(network._forward_hooks or network._forward_pre_hooks)
    return device == "cpu" and is_plain and not is_changed and not has_hooks


def run_and_paste(network: Any, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run a network for which `can_paste` holds.

    Args:
        network: In evaluation mode on the CPU.
        inputs: In Detectron2's model input format, with `height` and `width`.

    Returns:
        For each input what the network returns, but for `pred_masks`, which are `CroppedMasks`.
    """
    results = network.inference(inputs, do_postprocess=False)
    return [
        {"instances": _postprocess(found, (one["height"], one["width"]))}
        for found, one in zip(results, inputs, strict=True)
    ]


def _postprocess(instances: Instances, size_hw: tuple[int, int]) -> Instances:
    """`detector_postprocess`, with masks pasted here."""
    fields = instances.get_fields()
    small_masks = fields.get("pred_masks")
    if not isinstance(small_masks, Tensor) or small_masks.ndim != _WITH_CHANNEL:
        return detector_postprocess(instances, *size_hw)
    # Under another name they go through unpasted, and lose those whose box is empty.
    others = {name: value for name, value in fields.items() if name != "pred_masks"}
    renamed = Instances(instances.image_size, **others, **{_SMALL_MASKS: small_masks})
    processed = detector_postprocess(renamed, *size_hw)
    masks = paste(processed.get(_SMALL_MASKS)[:, 0], processed.pred_boxes.tensor, size_hw)
    processed.remove(_SMALL_MASKS)
    processed.set("pred_masks", masks)
    return processed


def paste(small_masks: Tensor, boxes_xyxy: Tensor, size_hw: tuple[int, int]) -> CroppedMasks:
    """Paste masks into an image, as `detectron2.layers.paste_masks_in_image` does on a CPU.

    Args:
        small_masks: (N, M, M) floating point, 0..1, each mask inside of its box.
        boxes_xyxy: (N, 4) float32, absolute pixels.
        size_hw: Size of the image in pixels.
    """
    if not small_masks.dtype.is_floating_point:
        small_masks = small_masks.float()
    boxes_array = boxes_xyxy.float().numpy()
    height, width = size_hw
    # Every operation as there, in float32 and in its order: each rounds, and all must round alike.
    starts = np.maximum(np.floor(boxes_array[:, :2]) - 1, 0).astype(np.int32)
    ends = np.minimum(np.ceil(boxes_array[:, 2:]) + 1, [width, height]).astype(np.int32)
    crops = []
    for mask, (x0, y0, x1, y1), (left, top), (right, bottom) in zip(
        small_masks, boxes_array, starts.tolist(), ends.tolist(), strict=True
    ):
        grid = np.empty((1, bottom - top, right - left, 2), np.float32)
        grid[..., 0] = _sampled_at(left, right, x0, x1)
        grid[..., 1] = _sampled_at(top, bottom, y0, y1)[:, None]
        sampled = F.grid_sample(
            mask[None, None], torch.from_numpy(grid).to(mask.dtype), align_corners=False
        )
        crops.append(Crop(top, left, (sampled[0, 0] >= _THRESHOLD).numpy()))
    return CroppedMasks(tuple(crops), size_hw)


def _sampled_at(start: int, end: int, low: np.float32, high: np.float32) -> npt.NDArray[np.float32]:
    """Where the centres of pixels lie in a box: -1 is its lower edge, 1 its upper one."""
    centres = np.arange(start, end, dtype=np.float32) + np.float32(0.5)
    return (centres - low) / (high - low) * np.float32(2) - np.float32(1)
