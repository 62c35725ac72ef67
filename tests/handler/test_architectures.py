"""Every meta-architecture of Detectron2 that runs without a compiler, through the whole handler."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from detectron2.config import CfgNode
from pycocotools import mask as coco_mask

from export.cli import main
from handler.detector import Detector
from handler.formats.registry import FORMATS
from handler.inference import run_batch
from handler.request import Row
from tests.export.test_sources import deeplab_config, panoptic_deeplab_config, point_rend_config
from tests.images import noise_bgr, png
from tests.models import save_training, tiny_config

IMAGE_BGR = noise_bgr(96, 128)


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


ARCHITECTURES: dict[str, tuple[Callable[[], CfgNode], set[str]]] = {
    "Mask R-CNN": (tiny_config, {"boxes", "masks"}),
    "Keypoint R-CNN": (keypoint_config, {"boxes", "keypoints"}),
    "Cascade R-CNN": (cascade_config, {"boxes", "masks"}),
    "RetinaNet": (retinanet_config, {"boxes"}),
    "PointRend": (point_rend_config, {"boxes", "masks"}),
    "PanopticFPN": (panoptic_fpn_config, {"boxes", "masks", "semantic", "panoptic"}),
    "SemanticSegmentor": (semantic_fpn_config, {"semantic"}),
    "DeepLab": (deeplab_config, {"semantic"}),
    "Panoptic-DeepLab": (panoptic_deeplab_config, {"semantic", "panoptic"}),
    "ProposalNetwork": (proposal_config, {"proposals"}),
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def served(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Detector, set[str]]:
    """A detector of one architecture, by way of the real export and its archive."""
    make_config, outputs = ARCHITECTURES[request.param]
    folder = tmp_path_factory.mktemp("architecture")
    training = save_training(folder, make_config())
    words = ["--config-file", str(training.config_file), "--weights", str(training.weights)]
    words += ["--model-name", "m", "--version", "1", "--export-path", str(folder)]
    assert main([*words, "--skip-verification"]) == 0
    with zipfile.ZipFile(folder / "m.mar") as archive:
        archive.extractall(folder / "opened")
    yield Detector.load(Path(folder / "opened"), device="cpu", name="m", version="1"), outputs
    shutil.rmtree(folder)


def test_the_archive_says_what_the_network_answers_with(served):
    detector, outputs = served
    assert set(detector.describe()["outputs"]) == outputs


def test_every_number_of_the_network_is_in_the_answer(served):
    detector, outputs = served
    (answer,) = detector.answer([Row({"body": png(IMAGE_BGR)})])
    assert answer.status == 200, answer.body
    document = json.loads(answer.body)
    model_input = detector._build_input(IMAGE_BGR)
    ((output,), _) = run_batch(detector._model, [model_input], stack=1)
    instances = document["predictions"]
    if "instances" in output:
        expected = output["instances"]
        assert len(instances) == len(expected)
        if "boxes" in outputs:
            assert len(instances) > 0
        boxes = np.array([one["box"] for one in instances], np.float32).reshape(-1, 4)
        np.testing.assert_array_equal(np.sort(boxes, 0), np.sort(expected.pred_boxes.tensor, 0))
        if "keypoints" in outputs:
            found = np.array([one["keypoints"] for one in instances], np.float32)
            order = np.argsort(-expected.scores.numpy(), kind="stable")
            np.testing.assert_array_equal(found, expected.pred_keypoints.numpy()[order])
    else:
        assert instances == []
    if "semantic" in outputs:
        class_map = output["sem_seg"].argmax(0).numpy()
        painted = np.full(class_map.shape, -1)
        for segment in document["semantic"]["segments"]:
            painted[coco_mask.decode(segment["mask"]).astype(bool)] = segment["class_id"]
        np.testing.assert_array_equal(painted, class_map)
    if "panoptic" in outputs:
        ids = output["panoptic_seg"][0].numpy()
        for segment in document["panoptic"]["segments"]:
            mask = coco_mask.decode(segment["mask"]).astype(bool)
            np.testing.assert_array_equal(mask, ids == segment["id"])
        listed = {segment["id"] for segment in document["panoptic"]["segments"]}
        assert set(np.unique(ids).tolist()) - listed <= {0, -1}
    if "proposals" in outputs:
        assert len(document["proposals"]) == len(output["proposals"]) > 0


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size_hw", [(96, 128), (1, 1)], ids=["an image", "one pixel"])
def test_every_format_answers_every_architecture(name, size_hw, served):
    detector, _ = served
    (answer,) = detector.answer([Row({"body": png(noise_bgr(*size_hw))}, {"X-Format": name})])
    if size_hw == (1, 1) and detector.describe()["architecture"] == "PanopticDeepLab":
        # Detectron2 squeezes the image's own dimensions away and fails by an assertion.
        assert answer.status == 500
        return
    assert answer.status == 200, answer.body
    assert answer.content_type == FORMATS[name].content_type
    assert answer.body
