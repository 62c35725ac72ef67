"""Every meta-architecture of Detectron2 that runs without a compiler, through the whole handler."""

import json
import shutil
import zipfile
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handler.answers import Answer
from handler.detector import Detector
from handler.formats.registry import FORMATS
from handler.inference import run_batch
from handler.model_input import InputBuilder
from handler.proposals import window_proposals
from handler.request import Row
from tests.architectures import ARCHITECTURES, export_architecture, fields_for
from tests.images import noise_bgr

IMAGE_BGR = noise_bgr(96, 128)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def served(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Detector, set[str]]:
    """A detector of one architecture, by way of the real export and its archive."""
    folder = tmp_path_factory.mktemp("architecture")
    export_architecture(request.param, folder, model_name="m")
    with zipfile.ZipFile(folder / "m.mar") as archive:
        archive.extractall(folder / "opened")
    detector = Detector.load(folder / "opened", device="cpu", name="m", version="1")
    yield detector, ARCHITECTURES[request.param].outputs
    shutil.rmtree(folder)


def ask(detector: Detector, image_bgr: Any, headers: dict[str, str] | None = None) -> Answer:
    """The answer about an image, with proposals where the model takes them."""
    takes_proposals = "proposals" in detector.describe()["options"]
    fields = fields_for(image_bgr, takes_proposals=takes_proposals)
    (answer,) = detector.answer([Row(fields, headers or {})])
    return answer


def test_the_archive_says_what_the_network_answers_with(served):
    detector, outputs = served
    assert set(detector.describe()["outputs"]) == outputs


def test_every_number_of_the_network_is_in_the_answer(served):
    detector, outputs = served
    answer = ask(detector, IMAGE_BGR)
    assert answer.status == 200, answer.body
    document = json.loads(answer.body)
    build_input = InputBuilder(detector._model.metadata.input)
    model_input = build_input(IMAGE_BGR, window_proposals(IMAGE_BGR.shape[:2]))
    ((output,), _) = run_batch(detector._model, [model_input], stack=1)
    instances = document["predictions"]
    if "instances" in output:
        expected = output["instances"]
        assert len(instances) == len(expected)
        if "boxes" in outputs:
            assert len(instances) > 0
        boxes = np.array([one["box"] for one in instances], np.float32).reshape(-1, 4)
        order = np.argsort(-expected.scores.numpy(), kind="stable")
        given = expected.pred_boxes.tensor.numpy() if "boxes" in outputs else boxes
        if given.shape[1] == 5:
            boxes = np.array([one["rotated_box"] for one in instances], np.float32)
        np.testing.assert_array_equal(boxes, given[order])
        if "keypoints" in outputs:
            found = np.array([one["keypoints"] for one in instances], np.float32)
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
    answer = ask(detector, noise_bgr(*size_hw), {"X-Format": name})
    if size_hw == (1, 1) and detector.describe()["architecture"] == "PanopticDeepLab":
        # Detectron2 squeezes the image's own dimensions away and fails by an assertion.
        assert answer.status == 500
        return
    assert answer.status == 200, answer.body
    assert answer.content_type == FORMATS[name].content_type
    assert answer.body
