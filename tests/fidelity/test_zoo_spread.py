"""A spread of the zoo over every task: the whole of it is `make zoo`.

At a fraction of the width, on two small photographs. LazyConfigs keep their width.
"""

import pytest

from fidelity.check import check
from fidelity.zoo import Scale, zoo_configs

NARROW = Scale(
    min_size=112,
    proposals=30,
    photographs=2,
    overrides=(
        *("TEST.DETECTIONS_PER_IMAGE", "40"),
        *("MODEL.RESNETS.STEM_OUT_CHANNELS", "32"),
        *("MODEL.RESNETS.RES2_OUT_CHANNELS", "64"),
        *("MODEL.RESNETS.WIDTH_PER_GROUP", "32"),
        *("MODEL.FPN.OUT_CHANNELS", "64"),
        *("MODEL.ROI_BOX_HEAD.FC_DIM", "64"),
        *("MODEL.ROI_MASK_HEAD.CONV_DIM", "64"),
        *("MODEL.ROI_KEYPOINT_HEAD.CONV_DIMS", "(64, 64)"),
        *("MODEL.SEM_SEG_HEAD.CONVS_DIM", "64"),
        *("MODEL.PANOPTIC_FPN.COMBINE.STUFF_AREA_LIMIT", "512"),
    ),
)

SPREAD = {
    "boxes, FPN": "PascalVOC-Detection/faster_rcnn_R_50_FPN.yaml",
    "boxes, C4": "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml",
    "boxes, DC5": "COCO-Detection/faster_rcnn_R_50_DC5_1x.yaml",
    "boxes, RetinaNet": "COCO-Detection/retinanet_R_50_FPN_1x.yaml",
    "boxes, FCOS": "COCO-Detection/fcos_R_50_FPN_1x.py",
    "boxes, Fast R-CNN": "COCO-Detection/fast_rcnn_R_50_FPN_1x.yaml",
    "proposals": "COCO-Detection/rpn_R_50_FPN_1x.yaml",
    "masks": "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.yaml",
    "masks, C4": "COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x.yaml",
    "masks, LVIS": "LVISv1-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.yaml",
    "masks, one for all classes": "Misc/mask_rcnn_R_50_FPN_1x_cls_agnostic.yaml",
    "masks, deformable": "Misc/mask_rcnn_R_50_FPN_1x_dconv_c3-c5.yaml",
    "masks, group norm": "Misc/scratch_mask_rcnn_R_50_FPN_3x_gn.yaml",
    "masks, synchronised norm": "Misc/mask_rcnn_R_50_FPN_3x_syncbn.yaml",
    "masks, a LazyConfig": "COCO-InstanceSegmentation/mask_rcnn_regnetx_4gf_dds_fpn_1x.py",
    "cascade": "Misc/cascade_mask_rcnn_R_50_FPN_1x.yaml",
    "keypoints": "COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x.yaml",
    "panoptic": "COCO-PanopticSegmentation/panoptic_fpn_R_50_1x.yaml",
    "semantic": "Misc/semantic_R_50_FPN_1x.yaml",
}


@pytest.mark.parametrize("name", SPREAD.values(), ids=SPREAD)
def test_the_archive_gives_the_bits_of_detectron2(name):
    (config,) = (one for one in zoo_configs() if one.name == name)
    row = check(config, NARROW)
    assert (row.result, row.reason) == ("exact", "")
    if row.compared.get("instances") and "Keypoints" not in name:
        assert row.compared["classes"] > 4


def test_every_task_of_the_zoo_is_there():
    folders = {name.partition("/")[0] for name in SPREAD.values()}
    tasks = {one.name.partition("/")[0] for one in zoo_configs()}
    same_again = {
        *("Cityscapes", "Detectron1-Comparisons", "LVISv0.5-InstanceSegmentation"),
        *("common", "new_baselines", "quick_schedules"),
    }
    assert tasks - folders == same_again
