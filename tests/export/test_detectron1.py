"""Configs of Detectron1: recognised as a file and as its pickles hold them, and what is meant."""

import shlex

import pytest
import yaml

from export.config import read_model_config
from export.detectron1 import is_detectron1, read_config, way_out
from export.errors import ExportError
from export.zoo import CONFIGS
from handler.config import parse_config
from tests.models import tiny_config

MASK = """\
MODEL:
  TYPE: generalized_rcnn
  CONV_BODY: FPN.add_fpn_ResNet50_conv5_body
  NUM_CLASSES: 4
  FASTER_RCNN: True
  MASK_ON: True
NUM_GPUS: 8
FPN:
  FPN_ON: True
FAST_RCNN:
  ROI_XFORM_METHOD: RoIAlign
TRAIN:
  DATASETS: ('coco_2014_train',)
TEST:
  SCALE: 800
  MAX_SIZE: 1333
  NMS: 0.5
"""
PICKLED = """\
MODEL: !!python/object/new:detectron.utils.collections.AttrDict
  dictitems:
    CONV_BODY: !!python/unicode 'FPN.add_fpn_ResNet50_conv5_body'
    FASTER_RCNN: true
    KEYPOINTS_ON: false
    MASK_ON: true
    NUM_CLASSES: 4
    TYPE: generalized_rcnn
  state: {__immutable__: true}
PIXEL_MEANS: !!python/object/apply:numpy.core.multiarray._reconstruct
  args: [!!python/name:numpy.ndarray '', !!python/tuple [0], b]
  state: !!python/tuple [1, !!python/tuple [1, 1, 3], !!binary "c4y=", false]
TEST: !!python/object/new:detectron.utils.collections.AttrDict
  dictitems: {MAX_SIZE: 1333, NMS: 0.5, SCALE: 800}
"""
MEANS = "MODEL.PIXEL_MEAN '[102.9801,115.9465,122.7717]'"
ZOO_MASK = "Detectron1-Comparisons/mask_rcnn_R_50_FPN_noaug_1x.yaml"


@pytest.mark.parametrize("text", [MASK, PICKLED], ids=["a file", "out of a pickle"])
def test_an_export_is_told_what_is_meant(text, tmp_path):
    file = tmp_path / "e2e_mask_rcnn.yaml"
    file.write_text(text)
    with pytest.raises(ExportError) as caught:
        read_model_config(str(file))
    assert str(caught.value) == (
        f"--config-file {file} is a config of Detectron1, which Detectron2 does not read. "
        f"Its network is --config-file {ZOO_MASK} "
        f"--opts MODEL.ROI_HEADS.NUM_CLASSES 3 {MEANS} (docs/guides/detectron1.md)"
    )


def changed(**sections):
    values = yaml.safe_load(MASK)
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return values


C4 = {"CONV_BODY": "ResNet.add_ResNet50_conv4_body"}


@pytest.mark.parametrize(
    ("values", "config", "settings"),
    [
        pytest.param(changed(MODEL={"NUM_CLASSES": 81}), ZOO_MASK, {}, id="masks"),
        pytest.param(
            changed(MODEL={"MASK_ON": False}),
            "Detectron1-Comparisons/faster_rcnn_R_50_FPN_noaug_1x.yaml",
            {},
            id="boxes",
        ),
        pytest.param(
            changed(MODEL={"MASK_ON": False, "KEYPOINTS_ON": True, "NUM_CLASSES": 2}),
            "Detectron1-Comparisons/keypoint_rcnn_R_50_FPN_1x.yaml",
            {},
            id="keypoints",
        ),
        pytest.param(
            changed(MODEL={"CONV_BODY": "FPN.add_fpn_ResNet101_conv5_body"}),
            ZOO_MASK,
            {"MODEL.RESNETS.DEPTH": 101},
            id="deeper",
        ),
        pytest.param(
            changed(RESNETS={"NUM_GROUPS": 32, "WIDTH_PER_GROUP": 8, "STRIDE_1X1": False}),
            ZOO_MASK,
            {
                "MODEL.RESNETS.NUM_GROUPS": 32,
                "MODEL.RESNETS.WIDTH_PER_GROUP": 8,
                "MODEL.RESNETS.STRIDE_IN_1X1": False,
            },
            id="ResNeXt",
        ),
        pytest.param(
            changed(MODEL=C4),
            "COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x.yaml",
            {"MODEL.ROI_BOX_HEAD.POOLER_TYPE": "ROIAlign"},
            id="C4, masks",
        ),
        pytest.param(
            changed(MODEL={**C4, "MASK_ON": False}),
            "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml",
            {"MODEL.ROI_BOX_HEAD.POOLER_TYPE": "ROIAlign"},
            id="C4, boxes",
        ),
        pytest.param(
            changed(TEST={"SCALE": 1000, "MAX_SIZE": 2000}),
            ZOO_MASK,
            {"INPUT.MIN_SIZE_TEST": 1000, "INPUT.MAX_SIZE_TEST": 2000},
            id="sizes",
        ),
        pytest.param(
            {**changed(), "TEST": {"SCALES": "(800,)", "MAX_SIZE": 1333, "NMS": 0.5}},
            ZOO_MASK,
            {},
            id="sizes, as they were called first",
        ),
        pytest.param(
            {**changed(), "TEST": {}},
            ZOO_MASK,
            {
                "INPUT.MIN_SIZE_TEST": 600,
                "INPUT.MAX_SIZE_TEST": 1000,
                "MODEL.ROI_HEADS.NMS_THRESH_TEST": 0.3,
            },
            id="Detectron1's defaults",
        ),
    ],
)
def test_which_config_is_meant(values, config, settings):
    sentence = way_out(values)
    assert sentence.startswith(f"Its network is --config-file {config} --opts ")
    classes = {"MODEL.ROI_HEADS.NUM_CLASSES": values["MODEL"]["NUM_CLASSES"] - 1}
    words = shlex.split(sentence.partition(" --opts ")[2])
    given = dict(zip(words[::2], words[1::2], strict=True))
    means = {"MODEL.PIXEL_MEAN": "[102.9801,115.9465,122.7717]"}
    assert given == {key: str(value) for key, value in {**classes, **settings, **means}.items()}
    # And an export takes it as it stands there.
    taken = parse_config(read_model_config(config, overrides=words).text)
    assert classes["MODEL.ROI_HEADS.NUM_CLASSES"] == taken.MODEL.ROI_HEADS.NUM_CLASSES
    assert taken.MODEL.ROI_BOX_HEAD.POOLER_TYPE == "ROIAlign"


NOT_IN_THE_ZOO = "None of the zoo's configs is known to have its network"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        pytest.param(changed(MODEL={"TYPE": "retinanet"}), "does not convert", id="RetinaNet"),
        pytest.param(changed(FPN={"USE_GN": True}), NOT_IN_THE_ZOO, id="group norms"),
        pytest.param(changed(MODEL={"FASTER_RCNN": False}), NOT_IN_THE_ZOO, id="Fast R-CNN"),
        pytest.param(changed(MODEL={"TYPE": "rpn"}), NOT_IN_THE_ZOO, id="proposals"),
        pytest.param(changed(MODEL={"CONV_BODY": "VGG16.add"}), NOT_IN_THE_ZOO, id="a backbone"),
    ],
)
def test_networks_that_are_not_in_the_zoo(values, sentence):
    assert sentence in way_out(values)


@pytest.mark.parametrize("file", sorted(CONFIGS.rglob("*.yaml")), ids=lambda file: file.name)
def test_no_config_of_detectron2_is_taken_for_one(file):
    assert read_config(file.read_text()) is None


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(yaml.safe_load(tiny_config().dump()), id="a dump"),
        pytest.param({"MODEL": {"TYPE": "mine"}}, id="a key of one's own"),
        pytest.param({"MODEL": 3}, id="no section"),
        pytest.param([1], id="a list"),
        pytest.param(None, id="nothing"),
    ],
)
def test_other_configs(values):
    assert not is_detectron1(values)


def test_what_is_not_yaml_is_none():
    assert read_config("a: [") is None
