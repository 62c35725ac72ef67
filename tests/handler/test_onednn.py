import copy

import pytest
import torch
from detectron2.layers import Conv2d
from torch import nn

from handler.onednn import ask_onednn


def made(kind=nn.Conv2d, channels=(8, 16), kernel=1, **options) -> nn.Module:
    torch.manual_seed(0)
    return kind(*channels, kernel, **options).eval().to(memory_format=torch.channels_last)


@pytest.mark.parametrize("size_hw", [(1, 1), (9, 13), (40, 56)], ids=["one pixel", "small", "more"])
@pytest.mark.parametrize(
    "module",
    [
        pytest.param(made(), id="one pixel wide"),
        pytest.param(made(stride=2), id="stride"),
        pytest.param(made(kernel=3, padding=1), id="three"),
        pytest.param(made(kernel=3, padding=2, dilation=2), id="dilation"),
        pytest.param(made(groups=4), id="groups"),
        pytest.param(made(bias=False), id="without bias"),
        pytest.param(made(padding="valid"), id="valid"),
        pytest.param(made(Conv2d, activation=nn.functional.relu), id="Detectron2's"),
        pytest.param(made(Conv2d, norm=nn.BatchNorm2d(16).eval()), id="with a norm"),
    ],
)
def test_changes_no_more_than_rounding(module, size_hw):
    module, x = copy.deepcopy(module), torch.randn(2, 8, *size_hw)
    with torch.inference_mode():
        expected = module(x)
        assert ask_onednn(module) == 1
        torch.testing.assert_close(module(x), expected, rtol=1e-5, atol=1e-5)
        # No region was found to look at.
        assert module(x[:0]).shape == (0, *expected.shape[1:])


class Somebodys(nn.Conv2d):
    pass


def run_already() -> nn.Module:
    module = made()
    module.forward = lambda x: x
    return module


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(made(Somebodys), id="a subclass"),
        pytest.param(made().to(torch.bfloat16), id="another dtype"),
        pytest.param(made(kernel=3, padding=1, padding_mode="reflect"), id="mirrored borders"),
        pytest.param(made(kernel=3, padding="same"), id="padding by name"),
        pytest.param(nn.utils.parametrizations.weight_norm(made()), id="weights made anew"),
        pytest.param(run_already(), id="runs in another way"),
        pytest.param(nn.Linear(8, 16), id="no convolution"),
    ],
)
def test_others_stay(module):
    before = vars(module).get("forward")
    assert ask_onednn(module) == 0
    assert vars(module).get("forward") is before
