"""Networks of Detectron2 that need its extension, built and run without it."""

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.layers import DeformConv, ModulatedDeformConv
from detectron2.modeling.backbone.resnet import DeformBottleneckBlock
from detectron2.structures import RotatedBoxes

from handler.model import build_network
from tests.architectures import deformable_config, rotated_config
from tests.images import noise_bgr
from tests.models import make_it_find_something


def built(config: CfgNode) -> torch.nn.Module:
    torch.manual_seed(7)
    network = build_network(config.dump(), kind="yacs", device="cpu")
    make_it_find_something(network)
    return network.eval()


def image(height: int, width: int) -> dict:
    pixels = torch.from_numpy(noise_bgr(height, width)).permute(2, 0, 1).float()
    return {"image": pixels, "height": height, "width": width}


@torch.inference_mode()
def answers(network: torch.nn.Module, *images: dict):
    return [output["instances"] for output in network(list(images))]


CONVOLUTIONS = [
    pytest.param(False, 1, 1, id="first kind"),
    pytest.param(False, 2, 1, id="first kind, groups"),
    pytest.param(True, 1, 1, id="second kind"),
    pytest.param(True, 1, 2, id="second kind, deformable groups"),
    pytest.param(True, 2, 4, id="second kind, both"),
]


@pytest.mark.parametrize(("modulated", "groups", "deformable_groups"), CONVOLUTIONS)
def test_deformable_convolutions(modulated, groups, deformable_groups):
    settings = {
        "modulated": modulated,
        "groups": groups,
        "deformable_groups": deformable_groups,
    }
    network = built(deformable_config(**settings))
    blocks = [one for one in network.modules() if isinstance(one, DeformBottleneckBlock)]
    assert len(blocks) == 4 + 6 + 3
    assert {type(block.conv2) for block in blocks} == {
        ModulatedDeformConv if modulated else DeformConv
    }
    before = answers(network, image(64, 96))
    for block in blocks:  # they start from zero
        torch.nn.init.normal_(block.conv2_offset.weight, std=0.5)
    (found,) = answers(network, image(64, 96))
    assert len(found) > 0
    assert found.scores.isfinite().all()
    assert not torch.equal(found.scores[:1], before[0].scores[:1])


@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_rotated_boxes(sampling_ratio):
    config = rotated_config()
    config.MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO = sampling_ratio
    network = built(config)
    (found,) = answers(network, image(64, 96))
    assert len(found) > 0
    assert isinstance(found.pred_boxes, RotatedBoxes)
    assert found.pred_boxes.tensor.isfinite().all()
    assert (found.pred_boxes.tensor[:, 4] != 0).any()


def test_rotated_boxes_of_several_images():
    network = built(rotated_config())
    first, second = answers(network, image(64, 96), image(64, 96))
    assert len(first) > 0
    assert torch.equal(first.pred_boxes.tensor, second.pred_boxes.tensor)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 200)], ids=["one pixel", "one line"])
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(rotated_config(), id="rotated"),
        pytest.param(
            deformable_config(modulated=True, groups=1, deformable_groups=1), id="deformable"
        ),
    ],
)
def test_the_smallest_images(config, size_hw):
    answers(built(config), image(*size_hw))


def test_nothing_found():
    config = rotated_config()
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 1.0
    (found,) = answers(built(config), image(64, 96))
    assert len(found) == 0


def test_no_proposals():
    config = rotated_config()
    config.MODEL.PROPOSAL_GENERATOR.MIN_SIZE = 10_000
    (found,) = answers(built(config), image(64, 96))
    assert len(found) == 0


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(rotated_config(), id="rotated"),
        pytest.param(
            deformable_config(modulated=True, groups=2, deformable_groups=2), id="deformable"
        ),
    ],
)
def test_under_autocast(config):
    network = built(config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,) = answers(network, image(64, 96))
    assert found.scores.isfinite().all()


def test_a_lazy_config_may_name_the_layers():
    text = """
    _target_: detectron2.layers.DeformConv
    in_channels: 4
    out_channels: 4
    kernel_size: 3
    """
    assert isinstance(build_network(text, kind="lazy", device="cpu"), DeformConv)
