import pytest
import torch
from detectron2.layers import Conv2d
from torch import nn

from benchmarks.widening import widen


class Network(nn.Module):
    """Every kind of layer that a Mask R-CNN has: a sum, a flattened input, a transposed one."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.stem = Conv2d(3, width, 3, padding=1, norm=nn.BatchNorm2d(width))
        self.branch = Conv2d(width, width, 3, padding=1, bias=True)
        self.up = nn.ConvTranspose2d(width, 2 * width, 2, stride=2)
        self.predictor = nn.Conv2d(2 * width, 1, 1)
        self.fc = nn.Linear(width * 6 * 6, hidden)
        self.score = nn.Linear(hidden, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(x).relu()
        x = x + self.branch(x).relu()
        mask = self.predictor(self.up(x).relu())
        return mask, self.score(self.fc(x.flatten(1)).relu())


@pytest.fixture
def trained() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(2, 4).eval()
        network.stem.norm.running_mean.normal_()
        network.stem.norm.running_var.uniform_(0.5, 2)
        network.stem.norm.weight.data.normal_()
    return network


@pytest.mark.parametrize(
    ("width", "hidden"),
    [
        (2, 4),  # as wide as before
        (8, 16),  # four times everywhere
        (4, 32),  # here twice, there eight times
        (6, 4),  # one of them
    ],
)
def test_a_wider_network_computes_the_same(trained, width, hidden):
    wide = Network(width, hidden).eval()
    widen(trained, wide)
    x = torch.linspace(-1, 1, 3 * 36).view(1, 3, 6, 6)
    with torch.no_grad():
        for ours, theirs in zip(wide(x), trained(x), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_no_two_copies_are_alike(trained):
    wide = Network(8, 16).eval()
    widen(trained, wide)
    for layer in (wide.branch, wide.fc, wide.score, wide.predictor):
        assert len(torch.unique(layer.weight)) == layer.weight.numel()


def test_it_is_the_same_every_time(trained):
    one, other = Network(8, 16), Network(8, 16)
    widen(trained, one)
    widen(trained, other)
    assert torch.equal(one.fc.weight, other.fc.weight)
    widen(trained, other, seed=1)
    assert not torch.equal(one.fc.weight, other.fc.weight)


def test_a_width_that_is_no_multiple_is_refused(trained):
    with pytest.raises(ValueError, match="cannot be widened"):
        widen(trained, Network(3, 4))
