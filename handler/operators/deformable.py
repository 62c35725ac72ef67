"""Deformable convolution, as Detectron2's layers, on torchvision's operator.

Of Dai et al., "Deformable Convolutional Networks" (arXiv:1703.06211), and with a modulating mask
Zhu et al., "Deformable ConvNets v2" (arXiv:1811.11168). Detectron2's own layers are stand-ins that
raise `ImportError` where its extension was not compiled, and CPUs are beyond most of the compiled
ones. These take the same arguments and hold the same parameters, so that checkpoints fit.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d  # type: ignore[import-untyped]

_OUTSIDE_PX = -1e6

Sides = int | tuple[int, int]
"""One number for height and width, or one for each."""


def deform_conv(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    stride: Sides = 1,
    padding: Sides = 0,
    dilation: Sides = 1,
    groups: int = 1,
    deformable_groups: int = 1,
    im2col_step: int = 64,
) -> Tensor:
    """Convolve where the offsets say. Arguments, result and errors: `modulated_deform_conv`.

    `im2col_step`, the images that the compiled operator takes at once, changes no number.
    """
    return modulated_deform_conv(
        x, offset, None, weight, None, stride, padding, dilation, groups, deformable_groups
    )


def modulated_deform_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sides = 1,
    padding: Sides = 0,
    dilation: Sides = 1,
    groups: int = 1,
    deformable_groups: int = 1,
) -> Tensor:
    """Convolve where the offsets say, each sample weighed by the mask.

    Args:
        x: (N, C, H, W) floats; half precisions are computed in float32.
        offset: (N, deformable_groups * Kh * Kw * 2, Ho, Wo), pixels down and to the right.
        mask: (N, deformable_groups * Kh * Kw, Ho, Wo), or None for ones.
        weight: (D, C / groups, Kh, Kw).
        bias: (D,), or None.
        stride: Of the kernel.
        padding: Zeros on every side.
        dilation: Of the kernel.
        groups: Groups of channels that are convolved apart.
        deformable_groups: Groups of channels that have offsets of their own.

    Returns:
        (N, D, Ho, Wo), dtype of `x`.

    Raises:
        ValueError: Channels do not go with the groups.
    """
    taps = weight.shape[2] * weight.shape[3]
    if offset.shape[1] != 2 * deformable_groups * taps or x.shape[1] != groups * weight.shape[1]:
        # torchvision would take the numbers of groups from the shapes, whatever they come to.
        raise ValueError(
            f"{x.shape[1]} channels and {offset.shape[1]} of offsets do not go with "
            f"{groups} groups of {weight.shape[1]} and {deformable_groups} deformable groups."
        )
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    # torchvision's kernels take NaN for a place inside and read there, wherever that is.
    # Detectron2's count such a sample as 0, as they do every sample outside.
    offset = torch.where(offset.isnan(), _OUTSIDE_PX, offset.to(dtype))
    with torch.autocast(x.device.type, enabled=False):
        result: Tensor = deform_conv2d(
            x.to(dtype),
            offset,
            weight.to(dtype),
            None if bias is None else bias.to(dtype),
            _pair(stride),
            _pair(padding),
            _pair(dilation),
            None if mask is None else mask.to(dtype),
        )
    return result.to(x.dtype)


class _Deformable(nn.Module):
    """What both layers have: parameters, and a norm and an activation that come after."""

    stride: Sides
    padding: Sides
    dilation: Sides
    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        groups: int,
        deformable_groups: int,
        norm: nn.Module | None,
        activation: Callable[[Tensor], Tensor] | None,
    ) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{in_channels} channels in and {out_channels} out do not divide into "
                f"{groups} groups."
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.groups = groups
        self.deformable_groups = deformable_groups
        self.norm = norm
        self.activation = activation
        self.weight = nn.Parameter(
            torch.empty(out_channels, in_channels // groups, *self.kernel_size)
        )
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def _of_empty(self, x: Tensor) -> Tensor:
        """The answer to an input without elements, with neither norm nor activation."""
        sizes = zip(
            x.shape[-2:],
            self.kernel_size,
            *(_pair(sides) for sides in (self.stride, self.padding, self.dilation)),
            strict=True,
        )
        size_hw = [
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for side, kernel, stride, padding, dilation in sizes
        ]
        return x.new_zeros([len(x), self.out_channels, *size_hw])

    def _finish(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        if self.activation is not None:
            x = self.activation(x)
        return x

    def extra_repr(self) -> str:
        names = "in_channels out_channels kernel_size stride padding dilation groups"
        said = [f"{name}={getattr(self, name)}" for name in [*names.split(), "deformable_groups"]]
        return ", ".join([*said, f"bias={self.bias is not None}"])


class DeformConv(_Deformable):
    """Deformable convolution. Arguments and attributes are those of Detectron2's layer."""

    # Where configs and pickles name it, and where it is put.
    __module__ = "detectron2.layers.deform_conv"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        stride: Sides = 1,
        padding: Sides = 0,
        dilation: Sides = 1,
        groups: int = 1,
        deformable_groups: int = 1,
        bias: bool = False,
        norm: nn.Module | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if bias:
            raise ValueError("DeformConv has no bias; ModulatedDeformConv has one.")
        super().__init__(
            in_channels, out_channels, kernel_size, groups, deformable_groups, norm, activation
        )
        self.stride, self.padding, self.dilation = _pair(stride), _pair(padding), _pair(dilation)
        self.bias = None

    def forward(self, x: Tensor, offset: Tensor) -> Tensor:
        """Convolve; shapes are those of `deform_conv`."""
        if x.numel() == 0:
            return self._of_empty(x)
        return self._finish(
            deform_conv(
                x,
                offset,
                self.weight,
                self.stride,
                self.padding,
                self.dilation,
                self.groups,
                self.deformable_groups,
            )
        )


class ModulatedDeformConv(_Deformable):
    """Modulated one, "v2". Arguments and attributes are those of Detectron2's layer."""

    __module__ = "detectron2.layers.deform_conv"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        stride: Sides = 1,
        padding: Sides = 0,
        dilation: Sides = 1,
        groups: int = 1,
        deformable_groups: int = 1,
        bias: bool = True,
        norm: nn.Module | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, groups, deformable_groups, norm, activation
        )
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.with_bias = bias
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
        """Convolve; shapes are those of `modulated_deform_conv`."""
        if x.numel() == 0:
            return self._of_empty(x)
        return self._finish(
            modulated_deform_conv(
                x,
                offset,
                mask,
                self.weight,
                self.bias,
                self.stride,
                self.padding,
                self.dilation,
                self.groups,
                self.deformable_groups,
            )
        )


def _pair(sides: Sides) -> tuple[int, int]:
    if isinstance(sides, int):
        return sides, sides
    height, width = sides
    return height, width
