import json
import zipfile

import numpy as np
import pytest
import torch
from detectron2 import layers
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from detectron2.modeling.poolers import ROIPooler
from detectron2.structures import Boxes
from torch import nn

from handler.config import build_from_config
from handler.detector import Detector
from handler.metadata import PRECISIONS
from handler.model import Model
from handler.model_input import InputBuilder
from handler.operators import install_missing
from handler.precision import fold_norms, prepare, running
from handler.request import Row
from tests.architectures import ARCHITECTURES, export_architecture, fields_for
from tests.images import noise_bgr
from tests.models import tiny_config

FASTER = [one for one in PRECISIONS if one != "exact"]


def normed(norm: nn.Module, *, bias: bool, channels: int = 8) -> Conv2d:
    convolution = Conv2d(3, channels, 3, norm=norm, bias=bias, activation=nn.functional.relu)
    for name in ("weight", "bias", "running_mean"):
        nn.init.normal_(getattr(norm, name))
    nn.init.uniform_(norm.running_var, 0.5, 2)
    return convolution.eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("make_norm", [nn.BatchNorm2d, FrozenBatchNorm2d])
def test_a_folded_norm_changes_no_more_than_rounding(make_norm, bias):
    torch.manual_seed(0)
    convolution = normed(make_norm(8), bias=bias)
    x = torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        expected = convolution(x)
        assert fold_norms(nn.Sequential(convolution)) == 1
        assert convolution.norm is None
        torch.testing.assert_close(convolution(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(nn.GroupNorm(2, 8), id="a norm of each image's own statistics"),
        pytest.param(nn.BatchNorm2d(8, affine=False), id="without factors"),
        pytest.param(nn.BatchNorm2d(8, track_running_stats=False), id="without statistics"),
        pytest.param(None, id="none"),
    ],
)
def test_other_norms_stay(module):
    convolution = Conv2d(3, 8, 3, norm=module)
    assert fold_norms(convolution) == 0
    assert convolution.norm is module


class SomebodysNorm(nn.BatchNorm2d):
    pass


def of_two(change) -> nn.Module:
    """Two convolutions with norms, and what makes folding wrong."""
    one, other = (normed(nn.BatchNorm2d(3), bias=False, channels=3) for _ in range(2))
    change(one, other)
    return nn.Sequential(one, other)


@pytest.mark.parametrize(
    ("change", "folded"),
    [
        pytest.param(lambda one, other: None, 2, id="nothing wrong"),
        pytest.param(lambda one, other: setattr(other, "weight", one.weight), 0, id="one weight"),
        pytest.param(
            lambda one, other: setattr(one, "norm", SomebodysNorm(3)), 1, id="somebody's norm"
        ),
        pytest.param(lambda one, other: nn.utils.spectral_norm(one), 1, id="spectral norm"),
        pytest.param(lambda one, other: nn.utils.weight_norm(one), 1, id="weight norm"),
        pytest.param(
            lambda one, other: one.norm.register_forward_hook(lambda *_: None), 1, id="a hook"
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_folds_only_what_nobody_else_has_a_part_in(change, folded):
    torch.manual_seed(0)
    network = of_two(change).eval()
    x = torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        expected = network(x)
        assert fold_norms(network) == folded
        torch.testing.assert_close(network(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", FASTER)
def test_deformable_convolutions_keep_the_layout_that_compiled_kernels_take(precision):
    seen = []
    install_missing()
    layer = layers.ModulatedDeformConv(4, 8, 3)
    prepare(nn.Sequential(layer), precision)
    assert layer.weight.is_contiguous()
    layer.register_forward_pre_hook(lambda _, given: seen.extend(given))
    x = torch.randn(1, 4, 9, 9).to(memory_format=torch.channels_last)
    layer(x, torch.zeros(1, 18, 7, 7), torch.ones(1, 9, 7, 7))
    assert all(one.is_contiguous() for one in seen)


def test_exact_changes_nothing():
    network = build_from_config(tiny_config(), device="cpu").eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    prepare(network, "exact")
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)
    with running("exact", device="cpu"):
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_the_last_layers_stay_in_float32(precision):
    network = build_from_config(tiny_config(), device="cpu").eval()
    prepare(network, precision)
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    heads = network.roi_heads
    assert network.backbone.bottom_up.stem.conv1.weight.dtype == low
    assert heads.mask_head.mask_fcn1.weight.dtype == low
    last = [heads.box_predictor.cls_score, heads.mask_head.predictor]
    last.append(network.proposal_generator.rpn_head.objectness_logits)
    for layer in last:
        assert layer.weight.dtype == torch.float32
    with torch.inference_mode(), running(precision, device="cpu"):
        scores = heads.box_predictor.cls_score(torch.randn(2, 32).to(low))
    assert scores.dtype == torch.float32


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_regions_are_not_rounded(precision):
    # 1003.7 is 1004 in bfloat16 and 1003.5 in float16.
    boxes = [Boxes(torch.tensor([[1003.7, 10, 1011.3, 20]]))]
    features = [torch.arange(2000.0).expand(1, 1, 64, 2000).contiguous() / 2000]
    pooler = ROIPooler(7, scales=[1.0], sampling_ratio=0, pooler_type="ROIAlignV2")
    exact = pooler(features, boxes)
    prepare(nn.Sequential(pooler), precision)
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    with running(precision, device="cpu"):
        found = pooler([features[0].to(low)], boxes)
    assert found.dtype == torch.float32
    rounding = {"bf16": 2**-9, "fp16": 2**-12}[precision]
    assert (found - exact).abs().max() <= rounding


@pytest.fixture(scope="module", params=FASTER)
def faster(request, tmp_path_factory):
    """A function that exports an architecture at a faster precision and loads it."""

    def load(name: str) -> Detector:
        folder = tmp_path_factory.mktemp("faster")
        export_architecture(name, folder, "--precision", request.param, model_name="m")
        with zipfile.ZipFile(folder / "m.mar") as archive:
            archive.extractall(folder / "opened")
        return Detector.load(folder / "opened", device="cpu", name="m", version="1")

    return load


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_answers_at_every_precision(name, faster):
    detector = faster(name)
    takes_proposals = "proposals" in detector.describe()["options"]
    fields = fields_for(noise_bgr(96, 128), takes_proposals=takes_proposals)
    (answer,) = detector.answer([Row(fields)])
    assert answer.status == 200, answer.body
    assert detector.describe()["precision"] in FASTER
    document = json.loads(answer.body)
    if "boxes" in ARCHITECTURES[name].outputs:
        assert document["predictions"]


@pytest.mark.parametrize(("precision", "apart"), [("fast", 1e-3), ("bf16", 3.0), ("fp16", 0.5)])
def test_boxes_stay_where_they_are(precision, apart, opened):
    exact = Model.load(opened, device="cpu")
    other = Model.load(opened, device="cpu")
    prepare(other.network, precision)
    model_input = InputBuilder(exact.metadata.input)(noise_bgr(96, 128))
    (expected,) = exact.predict([model_input])
    with running(precision, device="cpu"):
        (found,) = other.predict([model_input])
    best = expected["instances"].pred_boxes.tensor[:3].numpy()
    boxes = found["instances"].pred_boxes.tensor.numpy()
    nearest = [np.abs(boxes - box).max(axis=1).min() for box in best]
    assert max(nearest) <= apart
