import json

import numpy as np
import pytest
import supervision as sv

from handler.formats.roboflow import encode_roboflow
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    KEYPOINT_NAMES,
    instances,
    not_a_number,
)


@pytest.mark.parametrize("given", EVERY_KIND)
def test_supervision_reads_detections(given):
    objects = given.predictions.objects
    detections = sv.Detections.from_inference(json.loads(encode_roboflow(given)))
    assert len(detections) == len(objects)
    np.testing.assert_array_equal(detections.xyxy.astype(np.float32), objects.boxes_xyxy)
    np.testing.assert_array_equal(detections.confidence.astype(np.float32), objects.scores)
    np.testing.assert_array_equal(detections.class_id, objects.class_ids)
    names = [CLASSES[index].name for index in objects.class_ids]
    assert detections.data["class_name"].tolist() == names
    if objects.masks is None or not len(objects):
        assert detections.mask is None
    else:
        np.testing.assert_array_equal(detections.mask, objects.masks)


def test_supervision_reads_keypoints():
    given = instances(3, keypoints=True)
    keypoints = sv.KeyPoints.from_inference(json.loads(encode_roboflow(given)))
    expected = given.predictions.objects.keypoints
    np.testing.assert_array_equal(keypoints.xy.astype(np.float32), expected[:, :, :2])
    np.testing.assert_array_equal(
        keypoints.keypoint_confidence.astype(np.float32), expected[:, :, 2]
    )


def test_keypoints_have_names():
    given = instances(1, keypoints=True)
    (prediction,) = json.loads(encode_roboflow(given))["predictions"]
    assert [one["class"] for one in prediction["keypoints"]] == list(KEYPOINT_NAMES)


def test_ids_of_detections_are_unique_and_lasting():
    given = instances(150)
    ids = [one["detection_id"] for one in json.loads(encode_roboflow(given))["predictions"]]
    assert len(set(ids)) == 150
    assert encode_roboflow(given) == encode_roboflow(instances(150))


def test_image_size():
    document = json.loads(encode_roboflow(instances(0)))
    assert document == {"image": {"width": 30, "height": 20}, "predictions": []}


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_roboflow(not_a_number(where))
