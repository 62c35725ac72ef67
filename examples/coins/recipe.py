"""The settings of the demo model, written as differences from Detectron2's defaults."""

from __future__ import annotations

from pathlib import Path

from detectron2.config import CfgNode, get_cfg

ITERATIONS = 1500
SCENES = 1200
SEED = 7
EVALUATIONS = 10
# Closer together than this, evaluations of a short training would try the patience of early
# stopping before the network has learnt anything.
SHORTEST_PERIOD = 20
IMAGES_PER_BATCH = 4
SERVED_SCORE_THRESHOLD = 0.5


def build_config(
    output_dir: Path, iterations: int = ITERATIONS, seed: int = SEED, device: str = "cpu"
) -> CfgNode:
    """Return the complete training configuration.

    Args:
        output_dir: where checkpoints, metrics and plots go.
        iterations: number of training steps, at least 1.
        seed: seed of initialisation, sampling and augmentation, at least 0.
        device: "cpu" or "cuda".

    Returns:
        A frozen configuration with standard Detectron2 keys only.

    Raises:
        ValueError: `iterations` is below 1.
    """
    if iterations < 1:
        raise ValueError(f"Training needs at least 1 iteration; {iterations} were asked for.")
    cfg = get_cfg()
    _set_backbone(cfg)
    _set_proposals(cfg)
    _set_heads(cfg)
    _set_input(cfg)
    _set_schedule(cfg, iterations)
    cfg.MODEL.DEVICE = device
    cfg.OUTPUT_DIR = str(output_dir)
    cfg.SEED = seed
    cfg.freeze()
    return cfg


def served_config(cfg: CfgNode) -> CfgNode:
    """Return what travels with the weights: no path of this machine, and the usual threshold.

    Training measures AP with Detectron2's own low threshold of 0.05, as COCO's metric expects;
    a server answers only with what the model believes in.
    """
    served = cfg.clone()
    served.defrost()
    served.MODEL.WEIGHTS = ""
    served.MODEL.DEVICE = "cpu"
    served.MODEL.ROI_HEADS.SCORE_THRESH_TEST = SERVED_SCORE_THRESHOLD
    served.OUTPUT_DIR = "./output"
    served.freeze()
    return served


def _set_backbone(cfg: CfgNode) -> None:
    """Choose a ResNet-50 with FPN at a quarter of the usual width, trained from scratch.

    Batch normalisation, not group normalisation: Detectron2's group normalisation has 32 groups,
    which 16 channels cannot be divided into.
    """
    cfg.MODEL.MASK_ON = True
    cfg.MODEL.PIXEL_STD = [57.375, 57.120, 58.395]  # of ImageNet, as in Detectron2's model zoo
    cfg.MODEL.BACKBONE.NAME = "build_resnet_fpn_backbone"
    cfg.MODEL.BACKBONE.FREEZE_AT = 0
    cfg.MODEL.RESNETS.DEPTH = 50
    cfg.MODEL.RESNETS.NORM = "BN"
    cfg.MODEL.RESNETS.STRIDE_IN_1X1 = False
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.RESNETS.STEM_OUT_CHANNELS = 16
    cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 64
    cfg.MODEL.RESNETS.WIDTH_PER_GROUP = 16
    cfg.MODEL.FPN.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    cfg.MODEL.FPN.OUT_CHANNELS = 64


def _set_proposals(cfg: CfgNode) -> None:
    """Give square anchors half an octave apart, 12 to 136 pixels: a coin is as wide as high."""
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[12, 17], [24, 34], [48, 68], [96, 136]]
    cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = [[1.0]]
    cfg.MODEL.RPN.IN_FEATURES = ["p2", "p3", "p4", "p5"]
    cfg.MODEL.RPN.BATCH_SIZE_PER_IMAGE = 128
    cfg.MODEL.RPN.PRE_NMS_TOPK_TRAIN = 500
    cfg.MODEL.RPN.PRE_NMS_TOPK_TEST = 300
    cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN = 300
    cfg.MODEL.RPN.POST_NMS_TOPK_TEST = 150


def _set_heads(cfg: CfgNode) -> None:
    cfg.MODEL.ROI_HEADS.NAME = "StandardROIHeads"
    cfg.MODEL.ROI_HEADS.IN_FEATURES = ["p2", "p3", "p4", "p5"]
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = 1
    cfg.MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE = 64
    cfg.MODEL.ROI_BOX_HEAD.NAME = "FastRCNNConvFCHead"
    cfg.MODEL.ROI_BOX_HEAD.NUM_FC = 2
    cfg.MODEL.ROI_BOX_HEAD.FC_DIM = 128
    cfg.MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION = 7
    cfg.MODEL.ROI_MASK_HEAD.NAME = "MaskRCNNConvUpsampleHead"
    cfg.MODEL.ROI_MASK_HEAD.NUM_CONV = 3
    cfg.MODEL.ROI_MASK_HEAD.CONV_DIM = 64
    cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION = 14


def _set_input(cfg: CfgNode) -> None:
    """Train on scenes near their drawn size; masks are run-length encoded, hence bitmasks."""
    cfg.DATASETS.TRAIN = ("coins_train",)
    cfg.DATASETS.TEST = ("coins_validation",)
    cfg.DATALOADER.NUM_WORKERS = 0  # the two cores are busy with the network
    cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS = False  # empty scenes teach what is no coin
    cfg.INPUT.FORMAT = "BGR"
    cfg.INPUT.MASK_FORMAT = "bitmask"
    cfg.INPUT.MIN_SIZE_TRAIN = (224, 256, 288)
    cfg.INPUT.MAX_SIZE_TRAIN = 512
    cfg.INPUT.MIN_SIZE_TEST = 320
    cfg.INPUT.MAX_SIZE_TEST = 512


def _set_schedule(cfg: CfgNode, iterations: int) -> None:
    period = max(SHORTEST_PERIOD, iterations // EVALUATIONS)
    cfg.SOLVER.MAX_ITER = iterations
    cfg.SOLVER.IMS_PER_BATCH = IMAGES_PER_BATCH
    cfg.SOLVER.LR_SCHEDULER_NAME = "WarmupCosineLR"
    cfg.SOLVER.BASE_LR = 0.02
    cfg.SOLVER.WARMUP_ITERS = min(100, iterations // 5)
    cfg.SOLVER.CHECKPOINT_PERIOD = period
    cfg.SOLVER.CLIP_GRADIENTS.ENABLED = True
    cfg.SOLVER.CLIP_GRADIENTS.CLIP_TYPE = "norm"
    cfg.TEST.EVAL_PERIOD = period
