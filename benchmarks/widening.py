"""A trained network made wider without changing what it computes.

Net2WiderNet of Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge
Transfer", ICLR 2016, arXiv:1511.05641: every channel is there several times, and what a layer takes
from the copies of one channel adds up to what it took from that channel. Here no two copies are
taken alike: each weight is divided into random shares that sum to 1. Otherwise copies would stay
equal to the last bit, and the errors of a lower precision would be those of the narrow network.
"""

import torch
from torch import Tensor, nn


def widen(narrow: nn.Module, wide: nn.Module, *, seed: int = 0) -> None:
    """Give a wide network weights under which it computes what the narrow one does.

    That holds where every layer works channel by channel or sums over all of them: convolutions in
    one group, linear layers, batch norms, ReLU, pooling, sums of two layers of one width; not for
    norms over groups of channels.

    Args:
        narrow: A network with its weights.
        wide: The same network with layers that have several times as many channels; changed in
            place.
        seed: Of the shares.

    Raises:
        ValueError: A width of the wide network is no multiple of the narrow one's.
    """
    generator = torch.Generator().manual_seed(seed)
    given = narrow.state_dict()
    transposed = {
        f"{name}.weight"
        for name, module in wide.named_modules()
        if isinstance(module, nn.ConvTranspose2d)
    }
    widened = {
        name: _widened(name, given[name], like, generator, inputs_first=name in transposed)
        for name, like in wide.state_dict().items()
    }
    wide.load_state_dict(widened)


def _widened(
    name: str, values: Tensor, like: Tensor, generator: torch.Generator, *, inputs_first: bool
) -> Tensor:
    shape, wanted = [*values.shape], [*like.shape]
    if any(new % old for old, new in zip(shape, wanted, strict=True)):
        raise ValueError(f"{name} has shape {shape}, which cannot be widened to {wanted}.")
    if values.dim() < 2:
        return values.repeat([new // old for old, new in zip(shape, wanted, strict=True)])
    # The channel of number k is a copy of that of number k modulo the narrow width. A linear layer
    # after a flattened (C, H, W) needs no rule of its own: whole copies lie behind one another.
    if inputs_first:
        return _widened(
            name, values.transpose(0, 1), like.transpose(0, 1), generator, inputs_first=False
        ).transpose(0, 1)
    outputs, inputs = wanted[0] // shape[0], wanted[1] // shape[1]
    rows = torch.cat([values.double()] * outputs)
    shares = torch.rand((inputs, *rows.shape), dtype=torch.float64, generator=generator) + 0.5
    shares /= shares.sum(dim=0)
    return torch.cat([*(rows * shares)], dim=1).to(values.dtype)
