"""Why weights do not fit, and what to change."""

from dataclasses import replace

import pytest

from export.parts import Parts
from export.reasons import reasons

RCNN = Parts("GeneralizedRCNN", 50, True, ("proposals", "boxes", "masks"), classes=80)
RETINANET = Parts("RetinaNet", 50, True, ("boxes",), classes=80)
PANOPTIC = replace(RCNN, architecture="PanopticFPN", semantic_classes=54)


@pytest.mark.parametrize(
    ("weights", "config", "told"),
    [
        pytest.param(RCNN, RCNN, [], id="the same"),
        pytest.param(
            replace(RCNN, classes=1),
            RCNN,
            ["weights have 1 class, the config says 80: --opts MODEL.ROI_HEADS.NUM_CLASSES 1."],
            id="classes",
        ),
        pytest.param(
            replace(RETINANET, classes=3),
            RETINANET,
            ["weights have 3 classes, the config says 80: --opts MODEL.RETINANET.NUM_CLASSES 3."],
            id="classes of RetinaNet",
        ),
        pytest.param(
            replace(RCNN, depth=101),
            RCNN,
            ["weights have 101 ResNet layers, the config says 50: --opts MODEL.RESNETS.DEPTH 101."],
            id="depth",
        ),
        pytest.param(
            replace(RCNN, heads=("proposals", "boxes", "keypoints"), keypoints=4),
            RCNN,
            [
                "config has a mask head, the weights have none: --opts MODEL.MASK_ON False.",
                "weights have a keypoint head, the config has none: --opts MODEL.KEYPOINT_ON True.",
            ],
            id="heads",
        ),
        pytest.param(
            RCNN,
            replace(RCNN, heads=("boxes", "masks")),
            ["weights have a region proposal network, the config has none."],
            id="proposals that requests bring",
        ),
        pytest.param(
            replace(RCNN, has_fpn=False),
            RCNN,
            ["config has a feature pyramid (FPN), the weights have none."],
            id="no pyramid",
        ),
        pytest.param(
            replace(PANOPTIC, semantic_classes=10),
            PANOPTIC,
            [
                "weights have 10 classes of semantic segmentation, the config says 54: "
                "--opts MODEL.SEM_SEG_HEAD.NUM_CLASSES 10."
            ],
            id="semantic classes",
        ),
        pytest.param(
            replace(RCNN, keypoints=4),
            replace(RCNN, keypoints=17),
            [
                "weights have 4 keypoints, the config says 17: "
                "--opts MODEL.ROI_KEYPOINT_HEAD.NUM_KEYPOINTS 4."
            ],
            id="keypoints",
        ),
        pytest.param(
            replace(RETINANET, classes=3),
            RCNN,
            ["weights look like those of a RetinaNet, the config's network is a GeneralizedRCNN."],
            id="another architecture",
        ),
        pytest.param(
            Parts(depth=50),
            RCNN,
            [
                "weights have none of Detectron2's heads: they are a backbone alone, from which a "
                "training starts and which answers nothing, or of another program."
            ],
            id="a backbone",
        ),
        pytest.param(
            replace(RCNN, architecture=None, classes=3),
            replace(RCNN, architecture=None),
            ["weights have 3 classes, the config says 80: --opts MODEL.ROI_HEADS.NUM_CLASSES 3."],
            id="architectures that are not known",
        ),
    ],
)
def test_what_to_change(weights, config, told):
    assert reasons(weights, config, "yacs") == [f"The {one}" for one in told]


@pytest.mark.parametrize(
    ("weights", "ending"),
    [
        pytest.param({"classes": 3}, ": --opts model.roi_heads.num_classes 3.", id="classes"),
        pytest.param({"depth": 101}, "the config says 50.", id="depth"),
        pytest.param({"heads": ("proposals", "boxes")}, "the weights have none.", id="masks"),
    ],
)
def test_keys_of_a_lazy_config_where_one_is_enough(weights, ending):
    (told,) = reasons(replace(RCNN, **weights), RCNN, "lazy")
    assert told.endswith(ending)
