"""What weights say of their network is what the network is."""

import pytest
import torch

from export.model_config import ModelConfig
from export.network import keypoint_count, stuff_count, thing_count
from export.parts import Parts, find_parts
from handler.config import build_from_config
from handler.metadata import InputSpec
from tests import architectures
from tests.models import tiny_config

CONFIGS = {
    "mask": tiny_config,
    "keypoint": architectures.keypoint_config,
    "cascade": architectures.cascade_config,
    "retinanet": architectures.retinanet_config,
    "panoptic fpn": architectures.panoptic_fpn_config,
    "semantic fpn": architectures.semantic_fpn_config,
    "proposals": architectures.proposal_config,
    "fast rcnn": architectures.fast_rcnn_config,
    "rotated": architectures.rotated_config,
    "deformable": architectures.modulated_config,
    "point rend": architectures.point_rend_config,
    "deeplab": architectures.deeplab_config,
    "panoptic deeplab": architectures.panoptic_deeplab_config,
}
HEADS = {
    "mask": ("proposals", "boxes", "masks"),
    "keypoint": ("proposals", "boxes", "keypoints"),
    "cascade": ("proposals", "boxes", "masks"),
    "retinanet": ("boxes",),
    "panoptic fpn": ("proposals", "boxes", "masks", "semantic"),
    "semantic fpn": ("semantic",),
    "proposals": ("proposals",),
    "fast rcnn": ("boxes",),
    "rotated": ("proposals", "boxes"),
    "deformable": ("proposals", "boxes", "masks"),
    "point rend": ("proposals", "boxes", "masks"),
    "deeplab": ("semantic",),
    "panoptic deeplab": ("semantic",),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_of_each_of_detectron2s_networks(name):
    config = CONFIGS[name]()
    network = build_from_config(config, device="cpu")
    counted = ModelConfig("yacs", config.dump(), InputSpec("BGR", 800, 1333))
    parts = find_parts(network.state_dict())
    assert parts.architecture == type(network).__name__
    assert parts.heads == HEADS[name]
    if name != "panoptic deeplab":  # which counts its things by its semantic head
        assert (parts.classes or 0) == thing_count(network, counted).number
    assert (parts.semantic_classes or 0) == stuff_count(network, counted).number
    assert (parts.keypoints or 0) == keypoint_count(network)
    assert parts.has_fpn == ("fpn" in config.MODEL.BACKBONE.NAME)


@pytest.mark.parametrize("depth", [18, 50, 101, 152])
def test_the_depth_of_a_resnet(depth):
    config = tiny_config()
    config.MODEL.RESNETS.DEPTH = depth
    if depth == 18:
        config.MODEL.RESNETS.RES2_OUT_CHANNELS = 64
    parts = find_parts(build_from_config(config, device="cpu").state_dict())
    assert parts.depth == (None if depth == 18 else depth)


@pytest.mark.parametrize(
    ("names", "architecture"),
    [
        pytest.param(["backbone.a", "roi_heads.b", "relation.c"], None, id="a module of one's own"),
        pytest.param(["student.backbone.a", "student.roi_heads.b"], None, id="another beginning"),
        pytest.param(["backbone.a", "sem_seg_head.pixel_decoder.b"], None, id="MaskFormer"),
        pytest.param(["backbone.a"], None, id="a backbone"),
        pytest.param(["pixel_mean", "backbone.a", "roi_heads.b"], "GeneralizedRCNN", id="buffers"),
        pytest.param(["backbone.a", "head.cls_subnet.0", "head.ctrness.b"], "FCOS", id="FCOS"),
    ],
)
def test_guesses_no_architecture_that_is_not_sure(names, architecture):
    assert find_parts(dict.fromkeys(names, torch.zeros(1))).architecture == architecture


def test_of_nothing():
    assert find_parts({}) == Parts()
    assert find_parts({"cls_score.weight": torch.tensor(1.0)}).classes is None
