"""One small untrained model of each of Detectron2's architectures."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode, LazyConfig, get_cfg, instantiate
from detectron2.projects import deeplab, point_rend

from export.cli import main
from export.zoo import CONFIGS
from handler.proposals import window_proposals
from handler.registering import import_registering
from tests.images import png
from tests.models import Training, make_it_find_something, save_training, tiny_config


def keypoint_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.MASK_ON = False
    config.MODEL.KEYPOINT_ON = True
    config.MODEL.ROI_HEADS.NUM_CLASSES = 1
    config.MODEL.ROI_KEYPOINT_HEAD.CONV_DIMS = [8]
    config.MODEL.ROI_KEYPOINT_HEAD.POOLER_RESOLUTION = 7
    config.DATASETS.TEST = ("keypoints_coco_2017_val",)
    return config


def cascade_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.ROI_HEADS.NAME = "CascadeROIHeads"
    config.MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG = True
    config.MODEL.RPN.POST_NMS_TOPK_TRAIN = 100
    return config


def retinanet_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.META_ARCHITECTURE = "RetinaNet"
    config.MODEL.MASK_ON = False
    config.MODEL.BACKBONE.NAME = "build_retinanet_resnet_fpn_backbone"
    config.MODEL.FPN.IN_FEATURES = ["res3", "res4", "res5"]
    config.MODEL.RETINANET.NUM_CLASSES = 3
    config.MODEL.RETINANET.SCORE_THRESH_TEST = 0.001
    return config


def panoptic_fpn_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.META_ARCHITECTURE = "PanopticFPN"
    config.MODEL.SEM_SEG_HEAD.CONVS_DIM = 32
    config.MODEL.SEM_SEG_HEAD.NUM_CLASSES = 4
    config.MODEL.PANOPTIC_FPN.COMBINE.STUFF_AREA_LIMIT = 1
    config.MODEL.PANOPTIC_FPN.COMBINE.INSTANCES_CONFIDENCE_THRESH = 0.1
    return config


def semantic_fpn_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.META_ARCHITECTURE = "SemanticSegmentor"
    config.MODEL.SEM_SEG_HEAD.CONVS_DIM = 32
    config.MODEL.SEM_SEG_HEAD.NUM_CLASSES = 4
    return config


def proposal_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.META_ARCHITECTURE = "ProposalNetwork"
    return config


def fast_rcnn_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.MASK_ON = False
    config.MODEL.LOAD_PROPOSALS = True
    config.MODEL.PROPOSAL_GENERATOR.NAME = "PrecomputedProposals"
    return config


def deformable_config(*, modulated: bool, groups: int, deformable_groups: int) -> CfgNode:
    config = tiny_config()
    config.MODEL.RESNETS.DEFORM_ON_PER_STAGE = [False, True, True, True]
    config.MODEL.RESNETS.DEFORM_MODULATED = modulated
    config.MODEL.RESNETS.DEFORM_NUM_GROUPS = deformable_groups
    config.MODEL.RESNETS.NUM_GROUPS = groups
    return config


def modulated_config() -> CfgNode:
    return deformable_config(modulated=True, groups=1, deformable_groups=2)


def rotated_config() -> CfgNode:
    config = tiny_config()
    config.MODEL.MASK_ON = False
    config.MODEL.ANCHOR_GENERATOR.NAME = "RotatedAnchorGenerator"
    config.MODEL.ANCHOR_GENERATOR.ANGLES = [[-90, -45, 0, 45]]
    config.MODEL.PROPOSAL_GENERATOR.NAME = "RRPN"
    config.MODEL.RPN.BBOX_REG_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 1.0)
    config.MODEL.ROI_HEADS.NAME = "RROIHeads"
    config.MODEL.ROI_BOX_HEAD.POOLER_TYPE = "ROIAlignRotated"
    config.MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS = (10.0, 10.0, 5.0, 5.0, 1.0)
    return config


def fcos_training(folder: Path) -> Training:
    """FCOS has no config of yacs; its LazyConfig, a sixteenth of the usual width."""
    file = folder / "fcos.py"
    file.write_text(
        "from detectron2.config import LazyConfig\n"
        "from detectron2.layers import ShapeSpec\n"
        f"_zoo = LazyConfig.load({str(CONFIGS / 'COCO-Detection/fcos_R_50_FPN_1x.py')!r})\n"
        "model, dataloader = _zoo.model, _zoo.dataloader\n"
        "model.backbone.bottom_up.stages.depth = 18\n"
        "del model.backbone.bottom_up.stages.stride_in_1x1\n"
        "model.backbone.bottom_up.stages.norm = 'BN'\n"
        "model.backbone.out_channels = model.backbone.top_block.in_channels = 16\n"
        "model.head.input_shape = [ShapeSpec(channels=16)] * 5\n"
        "model.head.conv_dims = [16]\n"
        "model.head.norm = ''\n"
        "model.num_classes = 3\n"
        "model.test_score_thresh = 0.01\n"
        "dataloader.test.mapper.augmentations[0].short_edge_length = 96\n"
    )
    torch.manual_seed(7)
    network = instantiate(LazyConfig.load(str(file)).model)
    make_it_find_something(network)
    weights = folder / "fcos.pth"
    torch.save({"model": network.state_dict()}, weights)
    return Training(file, weights)


def point_rend_config() -> CfgNode:
    config = tiny_config()
    point_rend.add_pointrend_config(config)
    config.MODEL.ROI_HEADS.NAME = "PointRendROIHeads"
    config.MODEL.ROI_MASK_HEAD.NAME = "PointRendMaskHead"
    config.MODEL.ROI_MASK_HEAD.POOLER_TYPE = ""
    config.MODEL.ROI_MASK_HEAD.FC_DIM = 32
    config.MODEL.ROI_MASK_HEAD.NUM_FC = 1
    config.MODEL.ROI_MASK_HEAD.OUTPUT_SIDE_RESOLUTION = 7
    config.MODEL.ROI_MASK_HEAD.IN_FEATURES = ["p2"]
    config.MODEL.ROI_MASK_HEAD.POINT_HEAD_ON = True
    config.MODEL.POINT_HEAD.NUM_CLASSES = 3
    config.MODEL.POINT_HEAD.FC_DIM = 16
    config.MODEL.POINT_HEAD.IN_FEATURES = ["p2"]
    config.MODEL.POINT_HEAD.SUBDIVISION_STEPS = 2
    config.MODEL.POINT_HEAD.SUBDIVISION_NUM_POINTS = 28
    return config


def deeplab_config() -> CfgNode:
    config = get_cfg()
    deeplab.add_deeplab_config(config)
    config.MODEL.DEVICE = "cpu"
    config.MODEL.META_ARCHITECTURE = "SemanticSegmentor"
    config.MODEL.BACKBONE.NAME = "build_resnet_deeplab_backbone"
    config.MODEL.RESNETS.DEPTH = 50
    config.MODEL.RESNETS.NORM = "SyncBN"
    config.MODEL.RESNETS.STEM_OUT_CHANNELS = 8
    config.MODEL.RESNETS.RES2_OUT_CHANNELS = 16
    config.MODEL.RESNETS.WIDTH_PER_GROUP = 8
    config.MODEL.RESNETS.OUT_FEATURES = ["res2", "res5"]
    config.MODEL.RESNETS.STEM_TYPE = "basic"
    config.MODEL.SEM_SEG_HEAD.NAME = "DeepLabV3PlusHead"
    config.MODEL.SEM_SEG_HEAD.IN_FEATURES = ["res2", "res5"]
    config.MODEL.SEM_SEG_HEAD.PROJECT_FEATURES = ["res2"]
    config.MODEL.SEM_SEG_HEAD.PROJECT_CHANNELS = [8]
    config.MODEL.SEM_SEG_HEAD.CONVS_DIM = 16
    config.MODEL.SEM_SEG_HEAD.ASPP_CHANNELS = 16
    config.MODEL.SEM_SEG_HEAD.NORM = "SyncBN"
    config.MODEL.SEM_SEG_HEAD.NUM_CLASSES = 19
    config.DATASETS.TEST = ("cityscapes_fine_sem_seg_val",)
    config.INPUT.MIN_SIZE_TEST = 64
    config.INPUT.MAX_SIZE_TEST = 128
    return config


def panoptic_deeplab_config() -> CfgNode:
    project = import_registering("detectron2.projects.panoptic_deeplab")
    config = deeplab_config()
    project.add_panoptic_deeplab_config(config)
    config.MODEL.META_ARCHITECTURE = "PanopticDeepLab"
    config.MODEL.SEM_SEG_HEAD.NAME = "PanopticDeepLabSemSegHead"
    config.MODEL.SEM_SEG_HEAD.HEAD_CHANNELS = 16
    config.MODEL.INS_EMBED_HEAD.NAME = "PanopticDeepLabInsEmbedHead"
    config.MODEL.INS_EMBED_HEAD.IN_FEATURES = ["res2", "res5"]
    config.MODEL.INS_EMBED_HEAD.PROJECT_FEATURES = ["res2"]
    config.MODEL.INS_EMBED_HEAD.PROJECT_CHANNELS = [8]
    config.MODEL.INS_EMBED_HEAD.CONVS_DIM = 16
    config.MODEL.INS_EMBED_HEAD.ASPP_CHANNELS = 16
    config.MODEL.INS_EMBED_HEAD.HEAD_CHANNELS = 16
    config.MODEL.INS_EMBED_HEAD.NORM = "SyncBN"
    config.DATASETS.TEST = ("cityscapes_fine_panoptic_val",)
    config.DATASETS.TRAIN = ("cityscapes_fine_panoptic_train",)
    return config


@dataclass(frozen=True)
class Architecture:
    """How to make a small model, and what it answers with, in the words of `Metadata.outputs`."""

    train: Callable[[Path], Training]
    outputs: frozenset[str]


def _of(make_config: Callable[[], CfgNode], *outputs: str) -> Architecture:
    return Architecture(lambda folder: save_training(folder, make_config()), frozenset(outputs))


ARCHITECTURES = {
    "Mask R-CNN": _of(tiny_config, "boxes", "masks"),
    "Keypoint R-CNN": _of(keypoint_config, "boxes", "keypoints"),
    "Cascade R-CNN": _of(cascade_config, "boxes", "masks"),
    "Fast R-CNN": _of(fast_rcnn_config, "boxes"),
    "FCOS": Architecture(fcos_training, frozenset({"boxes"})),
    "Deformable R-CNN": _of(modulated_config, "boxes", "masks"),
    "Rotated R-CNN": _of(rotated_config, "boxes"),
    "RetinaNet": _of(retinanet_config, "boxes"),
    "PointRend": _of(point_rend_config, "boxes", "masks"),
    "PanopticFPN": _of(panoptic_fpn_config, "boxes", "masks", "semantic", "panoptic"),
    "SemanticSegmentor": _of(semantic_fpn_config, "semantic"),
    "DeepLab": _of(deeplab_config, "semantic"),
    "Panoptic-DeepLab": _of(panoptic_deeplab_config, "semantic", "panoptic"),
    "ProposalNetwork": _of(proposal_config, "proposals"),
}


def export_architecture(name: str, store: Path, *flags: str, model_name: str) -> None:
    """Train nothing, export the result into a model store, without verification."""
    folder = store / f"{model_name}-training"
    folder.mkdir(parents=True)
    training = ARCHITECTURES[name].train(folder)
    words = ["--config-file", str(training.config_file), "--weights", str(training.weights)]
    words += ["--model-name", model_name, "--version", "1.0", "--export-path", str(store)]
    assert main([*words, "--skip-verification", *flags]) == 0


def fields_for(image_bgr: npt.NDArray[np.uint8], *, takes_proposals: bool) -> dict[str, bytes]:
    """What a request about an image has to bring."""
    if not takes_proposals:
        return {"data": png(image_bgr)}
    boxes_xyxy = window_proposals((image_bgr.shape[0], image_bgr.shape[1])).boxes_xyxy
    return {"data": png(image_bgr), "proposals": json.dumps(boxes_xyxy.tolist()).encode()}
