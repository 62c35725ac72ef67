"""A model small enough for tests: an untrained Mask R-CNN of 0.3 million parameters."""

from dataclasses import dataclass
from pathlib import Path

import torch
from detectron2.config import CfgNode, get_cfg
from detectron2.modeling import build_model
from detectron2.modeling.backbone.resnet import DeformBottleneckBlock
from detectron2.modeling.roi_heads import FastRCNNOutputLayers
from detectron2.modeling.roi_heads.mask_head import MaskRCNNConvUpsampleHead

from handler.operators import install_missing

CLASSES = ("red", "green", "blue")


@dataclass(frozen=True)
class Training:
    """What a training leaves behind."""

    config_file: Path
    weights: Path


def tiny_config() -> CfgNode:
    """Mask R-CNN, R50-FPN, a sixteenth of the usual width; finds some objects on any image."""
    config = get_cfg()
    model = config.MODEL
    model.DEVICE = "cpu"
    model.WEIGHTS = "/home/somebody/R-50.pkl"
    config.OUTPUT_DIR = "/home/somebody/output"
    model.MASK_ON = True
    model.BACKBONE.NAME = "build_resnet_fpn_backbone"
    model.RESNETS.NORM = "BN"
    model.RESNETS.STEM_OUT_CHANNELS = 8
    model.RESNETS.RES2_OUT_CHANNELS = 16
    model.RESNETS.WIDTH_PER_GROUP = 8
    model.RESNETS.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    model.FPN.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    model.FPN.OUT_CHANNELS = 16
    model.ANCHOR_GENERATOR.SIZES = [[16], [32], [64], [128], [256]]
    model.RPN.IN_FEATURES = ["p2", "p3", "p4", "p5", "p6"]
    model.RPN.PRE_NMS_TOPK_TEST = 200
    model.RPN.POST_NMS_TOPK_TEST = 30
    model.ROI_HEADS.NAME = "StandardROIHeads"
    model.ROI_HEADS.IN_FEATURES = ["p2", "p3", "p4", "p5"]
    model.ROI_HEADS.NUM_CLASSES = len(CLASSES)
    model.ROI_BOX_HEAD.NAME = "FastRCNNConvFCHead"
    model.ROI_BOX_HEAD.NUM_FC = 1
    model.ROI_BOX_HEAD.FC_DIM = 32
    model.ROI_BOX_HEAD.POOLER_RESOLUTION = 7
    model.ROI_MASK_HEAD.NAME = "MaskRCNNConvUpsampleHead"
    model.ROI_MASK_HEAD.NUM_CONV = 1
    model.ROI_MASK_HEAD.CONV_DIM = 16
    model.ROI_MASK_HEAD.POOLER_RESOLUTION = 14
    config.INPUT.MIN_SIZE_TEST = 96
    config.INPUT.MAX_SIZE_TEST = 192
    return config


def save_training(folder: Path, config: CfgNode | None = None) -> Training:
    """Write what `DefaultTrainer` writes: `config.yaml` and `model_final.pth` with an optimizer."""
    config = config or tiny_config()
    install_missing()
    torch.manual_seed(7)
    network = build_model(config)
    make_it_find_something(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # makes the momentum, as large as the weights
    checkpoint = {
        "model": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "iteration": 99,
    }
    training = Training(folder / "config.yaml", folder / "model_final.pth")
    training.config_file.write_text(config.dump())
    torch.save(checkpoint, training.weights)
    return training


def make_it_find_something(network: torch.nn.Module) -> None:
    """Give an untrained network statistics under which scores differ and masks are partly full.

    Fresh batch norms let activations grow from block to block until one class gets all the score.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, DeformBottleneckBlock):  # whose offsets start from zero
                torch.nn.init.normal_(module.conv2_offset.weight, std=0.3)
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0  # the statistics are those of the next batch
        network.backbone.train()
        network.backbone(torch.rand(8, 3, 96, 128) * 255 - 110)
        for module in network.modules():
            if isinstance(module, FastRCNNOutputLayers):
                module.cls_score.weight *= 1.5
            if isinstance(module, MaskRCNNConvUpsampleHead):
                module.predictor.weight += 3e-4
