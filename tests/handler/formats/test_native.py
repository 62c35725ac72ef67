import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handler.formats.native import encode_native
from handler.predictions import Objects
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    answered,
    instances,
    not_a_number,
    panoptic,
    proposals,
    semantic,
)


def float32(rows, shape):
    return np.array(rows, np.float32).reshape(shape)


def same_bits(rows, expected):
    return float32(rows, expected.shape).tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("given", EVERY_KIND)
def test_parses_back_to_the_same_bits(given):
    document = json.loads(encode_native(given))
    height, width = given.predictions.size_hw
    assert document["model"] == {"name": "pets", "version": "2.1"}
    assert document["image"] == {"width": width, "height": height}
    assert document["outputs"] == list(given.metadata.outputs)
    found, objects = document["predictions"], given.predictions.objects
    assert len(found) == len(objects)
    assert same_bits([one["box"] for one in found], objects.boxes_xyxy)
    assert same_bits([one["score"] for one in found], objects.scores)
    assert [one["class_id"] for one in found] == objects.class_ids.tolist()
    assert [one["class_name"] for one in found] == [CLASSES[i].name for i in objects.class_ids]
    for key, values in (
        ("keypoints", objects.keypoints),
        ("rotated_box", objects.rotated_boxes),
    ):
        if values is None:
            assert not any(key in one for one in found)
        else:
            assert same_bits([one[key] for one in found], values)
    if objects.masks is None:
        assert not any("mask" in one for one in found)
    else:
        for one, mask in zip(found, objects.masks, strict=True):
            np.testing.assert_array_equal(coco_mask.decode(one["mask"]), mask)


def test_numbers_are_in_their_shortest_form():
    objects = Objects(
        boxes_xyxy=np.array([[0.1, 1e-8, 16777216, 1 / 3]], np.float32),
        scores=np.array([0.98], np.float32),
        class_ids=np.array([0]),
    )
    body = encode_native(answered(objects=objects)).decode()
    assert '"score":0.98,' in body
    assert '"box":[0.1,1e-08,16777216.0,0.33333334]' in body


def test_is_compact_utf8():
    body = encode_native(instances(2))
    assert "dög".encode() in body
    assert b", " not in body
    assert b"\n" not in body


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_native(not_a_number(where))


def test_proposals():
    given = proposals(3)
    found = json.loads(encode_native(given))["proposals"]
    assert same_bits([one["box"] for one in found], given.predictions.proposals.boxes_xyxy)
    assert same_bits([one["objectness"] for one in found], given.predictions.proposals.objectness)


def test_semantic():
    given = semantic()
    found = json.loads(encode_native(given))["semantic"]["segments"]
    assert [(one["class_id"], one["class_name"]) for one in found] == [(0, "sky"), (1, "gräss")]
    for one in found:
        mask = given.predictions.semantic == one["class_id"]
        np.testing.assert_array_equal(coco_mask.decode(one["mask"]), mask)


def test_panoptic():
    given = panoptic()
    found = json.loads(encode_native(given))["panoptic"]["segments"]
    assert [(one["id"], one["class_name"], one["is_thing"]) for one in found] == [
        (7, "sky", False),
        (8, "cat", True),
        (9, "cat", True),
    ]
    assert [one.get("score") for one in found] == [None, 0.75, 0.1]
    for one in found:
        mask = given.predictions.panoptic.segment_map == one["id"]
        np.testing.assert_array_equal(coco_mask.decode(one["mask"]), mask)


@pytest.mark.parametrize("key", ["proposals", "semantic", "panoptic"])
def test_keys_without_a_head_are_absent(key):
    assert key not in json.loads(encode_native(instances(2)))
