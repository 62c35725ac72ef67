import json
import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handler.formats.kserve_v2 import encode_kserve_v2
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    instances,
    not_a_number,
    panoptic,
    proposals,
    semantic,
)

TYPES = {"FP32": float, "INT64": int, "BYTES": str, "BOOL": bool}


def tensors(given):
    document = json.loads(encode_kserve_v2(given))
    return {one["name"]: one for one in document["outputs"]}


def array(tensor):
    return np.array(tensor["data"], np.float32).reshape(tensor["shape"])


@pytest.mark.parametrize("given", EVERY_KIND)
def test_is_an_inference_response_of_the_protocol(given):
    document = json.loads(encode_kserve_v2(given))
    assert (document["model_name"], document["model_version"]) == ("pets", "2.1")
    names = [one["name"] for one in document["outputs"]]
    assert len(set(names)) == len(names)
    for tensor in document["outputs"]:
        assert set(tensor) == {"name", "shape", "datatype", "data"}
        assert len(tensor["data"]) == math.prod(tensor["shape"])
        assert all(type(value) is TYPES[tensor["datatype"]] for value in tensor["data"])


@pytest.mark.parametrize("given", EVERY_KIND)
def test_instances(given):
    found, objects = tensors(given), given.predictions.objects
    for name, expected in (
        ("boxes", objects.boxes_xyxy),
        ("scores", objects.scores),
        ("keypoints", objects.keypoints),
        ("rotated_boxes", objects.rotated_boxes),
    ):
        if expected is None:
            assert name not in found
        else:
            assert found[name]["shape"] == list(expected.shape)
            assert array(found[name]).tobytes() == np.ascontiguousarray(expected).tobytes()
    assert found["labels"]["data"] == objects.class_ids.tolist()
    assert found["label_names"]["data"] == [CLASSES[i].name for i in objects.class_ids]
    if objects.masks is None:
        assert "masks" not in found
    else:
        for text, mask in zip(found["masks"]["data"], objects.masks, strict=True):
            np.testing.assert_array_equal(coco_mask.decode(json.loads(text)), mask)


def test_proposals():
    given = proposals(3)
    found = tensors(given)
    np.testing.assert_array_equal(array(found["proposals"]), given.predictions.proposals.boxes_xyxy)
    np.testing.assert_array_equal(
        array(found["objectness"]), given.predictions.proposals.objectness
    )


def test_semantic():
    given = semantic()
    found = tensors(given)
    assert found["semantic_labels"]["data"] == [0, 1]
    assert found["semantic_names"]["data"] == ["sky", "gräss"]
    for label, text in enumerate(found["semantic_masks"]["data"]):
        mask = given.predictions.semantic == label
        np.testing.assert_array_equal(coco_mask.decode(json.loads(text)), mask)


def test_panoptic():
    given = panoptic()
    found = tensors(given)
    assert found["panoptic_labels"]["data"] == [0, 0, 0]
    assert found["panoptic_names"]["data"] == ["sky", "cat", "cat"]
    assert found["panoptic_is_thing"]["data"] == [False, True, True]
    for number, text in zip((7, 8, 9), found["panoptic_masks"]["data"], strict=True):
        mask = given.predictions.panoptic.segment_map == number
        np.testing.assert_array_equal(coco_mask.decode(json.loads(text)), mask)


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_kserve_v2(not_a_number(where))


def test_the_requests_id_is_left_to_who_knows_it():
    assert "id" not in json.loads(encode_kserve_v2(instances(1)))
