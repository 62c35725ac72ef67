"""Trades the last bits of the answers for speed, where the owner of a model asks for it.

    exact   what `DefaultPredictor` computes, bit for bit
    fast    float32 all the way: norms folded into convolutions, channels last in memory, images
            resized by torch (`handler.model_input`), convolutions in oneDNN (`handler.onednn`)
    bf16    as fast, convolutions and linear layers in bfloat16 but for the last ones
    fp16    the same in float16, for GPUs

Two things stay in float32 in the low precisions. Regions: Detectron2 rounds their coordinates to
the features' dtype before it pools, which in bfloat16 moves them by up to 4 pixels. And the last
layers, whose numbers are scores and boxes: they are a few percent of the work.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from detectron2 import layers
from detectron2.layers import Conv2d, FrozenBatchNorm2d, NaiveSyncBatchNorm
from detectron2.modeling.poolers import ROIPooler
from torch import Tensor, nn

from handler.metadata import Precision
from handler.onednn import ask_onednn

_LOW_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

_LINEAR = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)

_FOLDED_NORMS = (nn.BatchNorm2d, FrozenBatchNorm2d, NaiveSyncBatchNorm)

_LAST_LAYERS = frozenset(
    {
        "objectness_logits",  # StandardRPNHead
        "anchor_deltas",
        "cls_score",  # FastRCNNOutputLayers, RetinaNetHead, FCOSHead
        "bbox_pred",
        "ctrness",  # FCOSHead
        "predictor",  # heads of masks, points and semantic segmentation
        "score_lowres",  # KRCNNConvDeconvUpsampleHead
        "center_predictor",  # PanopticDeepLabInsEmbedHead
        "offset_predictor",
    }
)
"""Names under which Detectron2's heads hold the layers that say something."""


def prepare(network: nn.Module, precision: Precision) -> None:
    """Change a network with its weights, in place, for a precision.

    Args:
        network: On its device, in evaluation mode.
        precision: `exact` changes nothing.
    """
    if precision == "exact":
        return
    fold_norms(network)
    network.to(memory_format=torch.channels_last)
    for module in network.modules():
        if isinstance(module, (layers.DeformConv, layers.ModulatedDeformConv)):
            _contiguous(module)
    if dtype := _LOW_DTYPES.get(precision):
        _lower(network, dtype)
    ask_onednn(network)


def running(precision: Precision, *, device: str) -> AbstractContextManager[Any]:
    """The context in which a prepared network runs on a device such as `cpu` or `cuda:0`."""
    if dtype := _LOW_DTYPES.get(precision):
        # The weights are cast already; it casts what they meet.
        return torch.autocast(device.partition(":")[0], dtype=dtype, cache_enabled=False)
    return nullcontext()


def fold_norms(network: nn.Module) -> int:
    """Fold batch norms into the convolutions before them; returns how many.

    With w the convolution's weights and b its addend, and a norm that computes
    (x - mean) * weight / sqrt(variance + eps) + bias:

        w' = w * weight / sqrt(variance + eps)
        b' = (b - mean) * weight / sqrt(variance + eps) + bias

    Computed in float64, rounded once.
    """
    folded = 0
    with torch.no_grad():
        for convolution, norm in list(_foldable(network)):
            scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
            addend = 0 if convolution.bias is None else convolution.bias.double()
            bias = (addend - norm.running_mean.double()) * scale + norm.bias.double()
            weight = convolution.weight.double() * scale[:, None, None, None]
            convolution.weight = nn.Parameter(weight.float(), requires_grad=False)
            convolution.bias = nn.Parameter(bias.float(), requires_grad=False)
            convolution.norm = None
            folded += 1
    return folded


def _foldable(network: nn.Module) -> Iterator[tuple[Any, Any]]:
    """Convolutions and norms that do what their classes do, with weights of their own."""
    parameters = network.named_parameters(remove_duplicate=False)
    uses = Counter(id(parameter) for _, parameter in parameters)
    for module in network.modules():
        # Not subclasses, which may do more; nor weights that are made anew on every call.
        if type(module) is Conv2d and type(module.norm) in _FOLDED_NORMS:
            norm: Any = module.norm
            has_all = getattr(norm, "affine", True) and getattr(norm, "track_running_stats", True)
            is_own = uses[id(module._parameters.get("weight"))] == 1
            if has_all and is_own and not (_has_hooks(module) or _has_hooks(norm)):
                yield module, norm


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _contiguous(layer: nn.Module) -> None:
    """Put a layer into the memory layout that Detectron2's compiled kernels insist on."""
    layer.to(memory_format=torch.contiguous_format)
    layer.register_forward_pre_hook(
        lambda _, arguments: tuple(one.contiguous() for one in arguments)
    )


def _lower(network: nn.Module, dtype: torch.dtype) -> None:
    for name, module in network.named_modules():
        if isinstance(module, ROIPooler):
            module.register_forward_pre_hook(_pool_in_float32)
        elif isinstance(module, _LINEAR):
            if name.rpartition(".")[2] in _LAST_LAYERS:
                module.forward = partial(_in_float32, module.forward)  # type: ignore[method-assign]
            else:
                module.to(dtype)


def _pool_in_float32(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    features, *boxes = arguments
    return ([feature.float() for feature in features], *boxes)


def _in_float32(forward: Any, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        result: Tensor = forward(x.float())
    return result
