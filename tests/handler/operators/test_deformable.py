import copy
import importlib.util
import inspect
import itertools
import math
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from detectron2.layers import deform_conv as installed

from handler.operators import deformable
from handler.operators.deformable import (
    DeformConv,
    ModulatedDeformConv,
    deform_conv,
    modulated_deform_conv,
)


@pytest.fixture(scope="module")
def theirs():
    """Detectron2's module, as it is where its extension was compiled."""
    name = "detectron2.layers.deform_conv_with_extension"
    spec = importlib.util.spec_from_file_location(name, installed.__file__)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "detectron2._C", ModuleType("detectron2._C"))
        spec.loader.exec_module(module)
    return module


def by_loops(x, offset, mask, weight, bias, *, stride, padding, dilation, groups):
    """The definition, one sample after another, in float64; each setting is (down, right)."""
    x, offset, mask, weight = (one.double().numpy() for one in (x, offset, mask, weight))
    outputs, group_channels, kernel_h, kernel_w = weight.shape
    images, channels = x.shape[:2]
    taps = kernel_h * kernel_w
    channels_with_offsets = channels * taps // mask.shape[1]
    result = np.zeros((images, outputs, *offset.shape[2:]))
    places = itertools.product(*(range(size) for size in (images, outputs, *offset.shape[2:])))
    for image, output, i, j in places:
        value = 0.0 if bias is None else float(bias[output])
        first = output // (outputs // groups) * group_channels
        for c, tap in itertools.product(range(group_channels), range(taps)):
            channel, (k, n) = first + c, divmod(tap, kernel_w)
            known = channel // channels_with_offsets * taps + tap
            y = i * stride[0] - padding[0] + k * dilation[0] + offset[image, 2 * known, i, j]
            left = j * stride[1] - padding[1] + n * dilation[1]
            sample = interpolated(x[image, channel], y, left + offset[image, 2 * known + 1, i, j])
            value += weight[output, c, k, n] * sample * mask[image, known, i, j]
        result[image, output, i, j] = value
    return torch.from_numpy(result)


def interpolated(channel, y, x):
    """Between four pixels, with zeros all around the channel."""
    height, width = channel.shape
    total = 0.0
    for row, column in itertools.product(
        (math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)
    ):
        if 0 <= row < height and 0 <= column < width:
            total += channel[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def inputs(
    *, kernel=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1, deformable_groups=1
):
    """Two images of 4 x 6 x 5, with offsets that lead some samples outside."""
    generator = torch.Generator().manual_seed(0)
    taps = kernel[0] * kernel[1]
    size_hw = [
        (side + 2 * pad - step * (length - 1) - 1) // stride_ + 1
        for side, pad, step, length, stride_ in zip(
            (6, 5), padding, dilation, kernel, stride, strict=True
        )
    ]
    x = torch.randn(2, 4, 6, 5, generator=generator)
    offset = 2 * torch.randn(2, 2 * deformable_groups * taps, *size_hw, generator=generator)
    mask = torch.rand(2, deformable_groups * taps, *size_hw, generator=generator)
    weight = torch.randn(4, 4 // groups, *kernel, generator=generator)
    return x, offset, mask, weight, torch.randn(4, generator=generator)


SETTINGS = [
    pytest.param({}, id="plain"),
    pytest.param({"stride": (2, 2)}, id="stride"),
    pytest.param({"stride": (1, 2), "padding": (0, 2)}, id="sides differ"),
    pytest.param({"padding": (2, 2), "dilation": (2, 2)}, id="dilation"),
    pytest.param({"kernel": (1, 1), "padding": (0, 0)}, id="kernel of one pixel"),
    pytest.param({"kernel": (2, 3), "padding": (0, 1)}, id="kernel's sides differ"),
    pytest.param({"groups": 2}, id="groups"),
    pytest.param({"groups": 4}, id="a group for each channel"),
    pytest.param({"deformable_groups": 2}, id="deformable groups"),
    pytest.param({"groups": 2, "deformable_groups": 4, "stride": (2, 1)}, id="both, and stride"),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)], ids=str
)
def test_both_kinds_against_loops(settings, dtype, tolerance):
    x, offset, mask, weight, bias = (one.to(dtype) for one in inputs(**settings))
    sides = {name: settings.get(name, (1, 1)) for name in ("stride", "padding", "dilation")}
    groups = settings.get("groups", 1)
    rest = (*sides.values(), groups, settings.get("deformable_groups", 1))

    found = deform_conv(x, offset, weight, *rest)
    ones = torch.ones_like(mask)
    expected = by_loops(x, offset, ones, weight, None, **sides, groups=groups)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)

    found = modulated_deform_conv(x, offset, mask, weight, bias, *rest)
    expected = by_loops(x, offset, mask, weight, bias, **sides, groups=groups)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


def test_without_offsets_it_is_a_convolution():
    x, offset, _, weight, _ = inputs()
    found = deform_conv(x, torch.zeros_like(offset), weight, padding=1)
    expected = torch.nn.functional.conv2d(x, weight, padding=1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_number_of_images_at_once_changes_nothing():
    x, offset, _, weight, _ = inputs()
    found = [deform_conv(x, offset, weight, 1, 1, 1, 1, 1, step) for step in (1, 64)]
    assert torch.equal(*found)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precisions_are_computed_in_float32(dtype):
    x, offset, mask, weight, bias = (one.to(dtype) for one in inputs())
    found = modulated_deform_conv(x, offset, mask, weight, bias, padding=1)
    widened = (one.float() for one in (x, offset, mask, weight, bias))
    assert torch.equal(found, modulated_deform_conv(*widened, padding=1).to(dtype))


def test_under_autocast_as_well():
    x, offset, mask, weight, bias = inputs()
    expected = modulated_deform_conv(x, offset, mask, weight, bias, padding=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = modulated_deform_conv(x.bfloat16(), offset, mask, weight, bias, padding=1)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"groups": 2}, id="groups"),
        pytest.param({"deformable_groups": 2}, id="deformable groups"),
    ],
)
def test_shapes_that_do_not_go_with_the_groups(wrong):
    x, offset, _, weight, _ = inputs()
    with pytest.raises(ValueError, match="do not go with"):
        deform_conv(x, offset, weight, padding=1, **wrong)


LAYERS = [
    pytest.param("DeformConv", {}, id="first"),
    pytest.param("DeformConv", {"stride": 2, "groups": 2, "deformable_groups": 2}, id="first, all"),
    pytest.param("DeformConv", {"norm": torch.nn.BatchNorm2d(4)}, id="first, norm"),
    pytest.param("ModulatedDeformConv", {}, id="second"),
    pytest.param("ModulatedDeformConv", {"bias": False, "dilation": 2}, id="second, no bias"),
    pytest.param("ModulatedDeformConv", {"activation": torch.relu}, id="second, activation"),
]


@pytest.mark.parametrize(("name", "settings"), LAYERS)
def test_layers_are_like_those_of_detectron2(name, settings, theirs):
    our_class, their_class = getattr(deformable, name), getattr(theirs, name)
    our_arguments, their_arguments = (
        [(one.name, one.default) for one in inspect.signature(layer).parameters.values()]
        for layer in (our_class, their_class)
    )
    assert our_arguments == their_arguments
    made = []
    for one in (our_class, their_class):
        torch.manual_seed(3)
        made.append(one(4, 4, 3, **copy.deepcopy(settings)))
    ours, expected = made
    assert ours.extra_repr() == expected.extra_repr()
    weights, expected_weights = ours.state_dict(), expected.state_dict()
    assert list(weights) == list(expected_weights)
    for key, weight in weights.items():
        assert torch.equal(weight, expected_weights[key])
    assert public(ours) == public(expected)


def public(module):
    """Attributes, but for parts that are compared elsewhere."""
    kept = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return {name: value for name, value in kept.items() if name not in ("training", "bias", "norm")}


def test_the_first_kind_equals_what_detectron2_has_for_cpus(theirs):
    x, offset, *_ = inputs()
    torch.manual_seed(3)
    ours = DeformConv(4, 4, 3, padding=1, activation=torch.relu)
    torch.manual_seed(3)
    expected = theirs.DeformConv(4, 4, 3, padding=1, activation=torch.relu)
    assert torch.equal(ours(x, offset), expected(x, offset))


def test_norm_and_activation_follow_the_second_kind():
    x, offset, mask, *_ = inputs()
    layer = ModulatedDeformConv(4, 4, 3, padding=1, norm=torch.nn.GroupNorm(2, 4), activation=abs)
    plain = modulated_deform_conv(x, offset, mask, layer.weight, layer.bias, padding=1)
    assert torch.equal(layer(x, offset, mask), layer.norm(plain).abs())


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"padding": 1}, id="plain"),
        pytest.param({"stride": (2, 1), "padding": (1, 0), "dilation": 2}, id="sides differ"),
    ],
)
def test_no_images(settings):
    x = torch.zeros(0, 4, 9, 9)
    expected = torch.nn.Conv2d(4, 8, 3, **settings)(x).shape
    assert DeformConv(4, 8, 3, **settings)(x, x).shape == expected
    assert ModulatedDeformConv(4, 8, 3, **settings)(x, x, x).shape == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"bias": True}, "has no bias", id="bias"),
        pytest.param({"groups": 3}, "do not divide into 3 groups", id="groups"),
    ],
)
def test_what_the_first_kind_cannot_be(arguments, words):
    with pytest.raises(ValueError, match=words):
        DeformConv(4, 4, 3, **arguments)


def test_gradients_pass():
    x, offset, mask, *_ = inputs()
    layer = ModulatedDeformConv(4, 4, 3, padding=1)
    layer(x, offset, mask).sum().backward()
    assert layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38, -1e12])
@pytest.mark.parametrize("everywhere", [True, False])
def test_an_offset_that_leads_nowhere_counts_as_outside(value, everywhere):
    # NaN once led torchvision's kernel out of the tensor and the process to its end.
    torch.manual_seed(0)
    x, weight, mask = torch.randn(1, 2, 6, 6), torch.randn(3, 2, 3, 3), torch.rand(1, 9, 4, 4)
    offset, outside = torch.zeros(2, 1, 18, 4, 4)
    places = (slice(None),) * 4 if everywhere else (0, 4, 1, 2)
    offset[places], outside[places] = value, 1e4
    found = modulated_deform_conv(x, offset, mask, weight)
    torch.testing.assert_close(found, modulated_deform_conv(x, outside, mask, weight))
