"""What a built network says of itself."""

import pytest

from export.network import detection_spec
from handler.config import build_from_config
from handler.metadata import DetectionSpec
from tests import architectures
from tests.models import tiny_config


def built(config):
    return build_from_config(config, device="cpu")


@pytest.mark.parametrize(
    ("make_config", "keys"),
    [
        pytest.param(tiny_config, ["ROI_HEADS"], id="Mask R-CNN"),
        pytest.param(architectures.cascade_config, ["ROI_HEADS"], id="Cascade R-CNN"),
        pytest.param(architectures.rotated_config, ["ROI_HEADS"], id="Rotated R-CNN"),
        pytest.param(architectures.panoptic_fpn_config, ["ROI_HEADS"], id="PanopticFPN"),
        pytest.param(architectures.retinanet_config, ["RETINANET"], id="RetinaNet"),
    ],
)
@pytest.mark.parametrize(
    ("most", "kept"),
    [pytest.param(7, 7, id="some"), pytest.param(-1, None, id="all")],
)
def test_which_instances_it_leaves_out(make_config, keys, most, kept):
    config = make_config()
    config.TEST.DETECTIONS_PER_IMAGE = most
    for key in keys:
        config.MODEL[key].SCORE_THRESH_TEST = 0.375
        config.MODEL[key].NMS_THRESH_TEST = 0.625
    assert detection_spec(built(config)) == DetectionSpec(0.375, 0.625, kept)


@pytest.mark.parametrize(
    "make_config", [architectures.semantic_fpn_config, architectures.proposal_config]
)
def test_networks_without_instances(make_config):
    assert detection_spec(built(make_config())) is None


def test_of_a_cascade_the_last_stage_decides():
    network = built(architectures.cascade_config())
    network.roi_heads.box_predictor[0].test_score_thresh = 0.9
    network.roi_heads.box_predictor[-1].test_score_thresh = 0.25
    assert detection_spec(network).score_threshold == 0.25
