"""What comes back as `Instances` is what Detectron2 itself gives, bit for bit."""

import json
import zipfile

import pytest
import torch
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor
from detectron2.structures import Instances, RotatedBoxes

from client.predictions import Predictions
from handler.detector import Detector as Handler
from handler.formats.native import encode_native
from handler.operators import install_missing
from handler.request import Row
from tests.architectures import ARCHITECTURES, export_architecture
from tests.handler.formats.answers import instances
from tests.images import noise_bgr, png

IMAGE_BGR = noise_bgr(96, 128)


def their_predictor(training) -> DefaultPredictor:
    install_missing()
    config = get_cfg()
    config.merge_from_file(str(training.config_file))
    config.MODEL.DEVICE = "cpu"
    config.MODEL.WEIGHTS = str(training.weights)
    return DefaultPredictor(config)


def assert_same(ours: Instances, theirs: Instances) -> None:
    assert len(theirs) > 0
    assert ours.image_size == theirs.image_size
    assert ours.get_fields().keys() == theirs.get_fields().keys()
    # An answer's scores descend; of equal ones the order is Detectron2's.
    theirs = theirs[torch.argsort(theirs.scores, descending=True, stable=True)]
    for name in theirs.get_fields():
        assert type(ours.get(name)) is type(theirs.get(name))
        found, expected = (
            getattr(one.get(name), "tensor", one.get(name)) for one in (ours, theirs)
        )
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected), name


def test_of_a_real_server(tiny, training):
    ours = tiny.predict(IMAGE_BGR).to_detectron2()
    assert_same(ours, their_predictor(training)(IMAGE_BGR)["instances"])


@pytest.mark.parametrize("name", ["Keypoint R-CNN", "Rotated R-CNN"])
def test_of_other_heads(name, tmp_path):
    export_architecture(name, tmp_path, model_name="m")
    with zipfile.ZipFile(tmp_path / "m.mar") as archive:
        archive.extractall(tmp_path / "opened")
    served = Handler.load(tmp_path / "opened", device="cpu", name="m", version="1")
    (answer,) = served.answer([Row({"data": png(IMAGE_BGR)}, {})])
    ours = Predictions.from_native(json.loads(answer.body)).to_detectron2()
    training = ARCHITECTURES[name].train(tmp_path)
    theirs = their_predictor(training)(IMAGE_BGR)["instances"]
    if name == "Keypoint R-CNN":  # the heatmaps are not answered
        theirs.remove("pred_keypoint_heatmaps")
    assert_same(ours, theirs)


@pytest.mark.parametrize("count", [0, 1, 3], ids=["nothing", "one", "some"])
def test_rotated_boxes_are_rotated_boxes(count):
    found = Predictions.from_native(json.loads(encode_native(instances(count, rotated=True))))
    boxes = found.to_detectron2().pred_boxes
    assert len(boxes) == count
    assert isinstance(boxes, RotatedBoxes) == bool(count)


def test_shares_no_memory():
    found = Predictions.from_native(json.loads(encode_native(instances(2, masks=True))))
    theirs = found.to_detectron2()
    theirs.pred_boxes.tensor[:] = 0
    theirs.pred_masks[:] = False
    assert found.boxes_xyxy.any()
    assert found.masks.any()
