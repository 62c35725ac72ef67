"""Seeded random weights under which any of Detectron2's networks detects something.

Fresh weights do not do: Detectron2 leaves the statistics of normalisations at 0 and 1, so that
activations grow from block to block, and starts its last layers so small that no score passes a
threshold. Here one forward pass over photographs goes through the network, and each layer is
fitted, in the order in which it is reached, to what really comes in (Mishkin and Matas, "All you
need is a good init", ICLR 2016, arXiv:1511.06422):

- a batch norm, frozen or not, takes mean and variance of its input for its statistics, and gets
  random factors and addends;
- a convolution or linear layer without one is scaled so that its output has a mean square of 1;
- the last layers are spread channel by channel as `output_layers` says, so that scores differ
  between classes and regions and some dozens of them pass the config's own threshold.

What comes of it is saved as a checkpoint like any training's; both sides of a comparison load that.
"""

from collections.abc import Callable
from typing import Any

import torch
from detectron2.layers import FrozenBatchNorm2d
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fidelity.output_layers import Rule, rules_for

_NORMS = (FrozenBatchNorm2d, _BatchNorm)
_LINEAR = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def randomise(
    make_network: Callable[[], nn.Module], inputs: list[dict[str, Any]], *, seed: int = 0
) -> nn.Module:
    """Make a network and give it such weights.

    Args:
        make_network: Makes it, in evaluation mode; draws its weights from torch's own generator.
        inputs: Prepared images, in Detectron2's model input format.
        seed: Of everything random.

    Returns:
        The network.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = make_network()
        for module in network.modules():
            _draw(module)
        fitting = _Fitting(rules_for(network, images=len(inputs)))
        handles = [
            module.register_forward_pre_hook(fitting.fit_norm)
            if isinstance(module, _NORMS)
            else module.register_forward_hook(fitting.fit_linear)
            for module in network.modules()
            if isinstance(module, (*_NORMS, *_LINEAR))
        ]
        try:
            network(inputs)
        finally:
            for handle in handles:
                handle.remove()
    return network


def _draw(module: nn.Module) -> None:
    """Random values for what Detectron2 starts at 0 or 1, where a mistake would not be seen."""
    if isinstance(module, (*_NORMS, nn.GroupNorm, nn.LayerNorm)) and module.weight is not None:
        module.weight.uniform_(0.5, 1.5)
        module.bias.normal_(0.0, 0.1)
    elif isinstance(module, _LINEAR):
        if not module.weight.any():
            module.weight.normal_(0.0, 0.01)
        # Filters whose weights sum to 0 answer to what is in a picture, not to its brightness.
        means = module.weight.flatten(1).mean(dim=1)
        module.weight -= _along(means, 0, module.weight.dim())
        if module.bias is not None:
            module.bias.normal_(0.0, 0.1)


class _Fitting:
    """The hooks of one forward pass; each layer is fitted the first time it is reached."""

    def __init__(self, rules: dict[nn.Module, Rule]) -> None:
        self._rules = rules
        self._fitted: set[nn.Module] = set()

    def fit_norm(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        """Take the statistics of a batch norm's input."""
        values = _channels_first(arguments[0], 1)
        if not self._is_first(module, values):
            return
        variance, mean = torch.var_mean(values, dim=1, correction=0)
        module.running_mean.copy_(mean)  # type: ignore[operator]
        module.running_var.copy_(variance)  # type: ignore[operator]

    def fit_linear(
        self, module: Any, arguments: tuple[Any, ...], output: torch.Tensor
    ) -> torch.Tensor | None:
        """Scale a layer by what it gives, and give what it then would have given."""
        if getattr(module, "norm", None) is not None:
            return None
        channel = output.dim() - 1 if isinstance(module, nn.Linear) else 1
        values = _channels_first(output, channel)
        if not self._is_first(module, values):
            return None
        factors, addends = self._rules.get(module, _unit_mean_square)(values)
        outwards = 1 if isinstance(module, nn.ConvTranspose2d) else 0
        module.weight.mul_(_along(factors, outwards, module.weight.dim()))
        if module.bias is None:
            return output * _along(factors, channel, output.dim())
        module.bias.mul_(factors).add_(addends)
        scaled = output * _along(factors, channel, output.dim())
        return scaled + _along(addends, channel, output.dim())

    def _is_first(self, module: nn.Module, values: torch.Tensor) -> bool:
        if module in self._fitted or not values.numel():
            return False
        self._fitted.add(module)
        return True


def _unit_mean_square(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # One factor for all channels and nothing added: it goes through a ReLU inside the layer.
    factor = values.square().mean().sqrt().clamp(min=1e-12).reciprocal()
    return factor.expand(len(values)), torch.zeros(len(values))


def _channels_first(values: torch.Tensor, channel: int) -> torch.Tensor:
    """(C, N)."""
    return values.movedim(channel, 0).flatten(1)


def _along(values: torch.Tensor, dimension: int, dimensions: int) -> torch.Tensor:
    """(C,) values shaped so that they are broadcast along one dimension."""
    shape = [1] * dimensions
    shape[dimension] = -1
    return values.view(shape)
