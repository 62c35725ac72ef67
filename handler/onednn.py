"""Every convolution asks oneDNN, on a CPU at a precision faster than exact.

Where one image is small and there is one thread, PyTorch takes a way of its own for a convolution
(`use_mkldnn` in ATen's Convolution.cpp), which with channels last in memory copies everything
twice. Half of a ResNet's convolutions are such.
"""

from functools import partial
from typing import Any

import torch
from detectron2.layers import Conv2d
from torch import Tensor, nn


def ask_onednn(network: nn.Module) -> int:
    """Let the plain float32 convolutions of a network run in oneDNN, in place; returns how many.

    Other dtypes do so anyway.

    Args:
        network: In evaluation mode, channels last in memory. On a GPU nothing is changed.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return 0
    changed = 0
    for module in network.modules():
        if _is_plain(module):
            module.forward = partial(_convolve, module, module.forward)
            changed += 1
    return changed


def _is_plain(module: nn.Module) -> bool:
    # Not subclasses, which may do more, nor what runs in another way already.
    if type(module) not in (nn.Conv2d, Conv2d) or "forward" in vars(module):
        return False
    weight: Any = module._parameters.get("weight")  # none, where it is made anew on every call
    is_float32_on_cpu = (
        weight is not None and weight.device.type == "cpu" and weight.dtype == torch.float32
    )
    return is_float32_on_cpu and module.padding_mode == "zeros" and module.padding != "same"


def _convolve(module: Any, otherwise: Any, x: Tensor) -> Tensor:
    if not x.numel() or x.dtype != torch.float32:  # no region to look at
        result: Tensor = otherwise(x)
        return result
    padding = (0, 0) if module.padding == "valid" else module.padding
    result = torch.mkldnn_convolution(
        x.contiguous(memory_format=torch.channels_last),
        module.weight,
        module.bias,
        padding,
        module.stride,
        module.dilation,
        module.groups,
    )
    # As detectron2.layers.Conv2d goes on; torch's own has neither.
    for step in (getattr(module, "norm", None), getattr(module, "activation", None)):
        result = result if step is None else step(result)
    return result
