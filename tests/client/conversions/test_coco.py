import json

import numpy as np
import pytest
from detectron2.evaluation.coco_evaluation import instances_to_coco_json

from client.predictions import Predictions
from handler.formats.coco import encode_coco
from handler.formats.native import encode_native
from tests.handler.formats.answers import EVERY_KIND, instances

CATEGORY_IDS = {0: 17, 1: 18, 2: 2}  # the third class has no id in the data set


def read(answered) -> Predictions:
    return Predictions.from_native(json.loads(encode_native(answered)))


def bits(results, key):
    return [np.array(one.get(key, 0), np.float32).tobytes() for one in results]


@pytest.mark.parametrize("answered", EVERY_KIND)
def test_is_the_servers_own_format(answered):
    ours = read(answered).to_coco(42, CATEGORY_IDS)
    theirs = json.loads(encode_coco(answered))
    assert [list(one) for one in ours] == [list(one) for one in theirs]
    for key in ("image_id", "category_id", "segmentation"):
        assert [one.get(key) for one in ours] == [one.get(key) for one in theirs]
    for key in ("bbox", "score", "keypoints", "rotated_box"):
        assert bits(ours, key) == bits(theirs, key)


@pytest.mark.parametrize(
    "answered", [row for row in EVERY_KIND if "rotated" not in row.id]
)  # of which Detectron2's function makes no COCO results
def test_is_what_detectron2s_evaluator_writes(answered):
    found = read(answered)
    ours = found.to_coco("a.jpg")
    theirs = instances_to_coco_json(found.to_detectron2(), "a.jpg")
    assert json.dumps(ours) == json.dumps(theirs)


def test_classes_without_a_category_are_left_out():
    found = read(instances(6))
    assert [one["category_id"] for one in found.to_coco(1, {1: 5})] == [5, 5]


def test_leaves_the_predictions_as_they_are():
    found = read(instances(3, keypoints=True))
    before = found.boxes_xyxy.copy(), found.keypoints.copy()
    found.to_coco(1)
    np.testing.assert_array_equal(found.boxes_xyxy, before[0])
    np.testing.assert_array_equal(found.keypoints, before[1])
