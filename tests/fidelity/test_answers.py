"""An answer, read, against what the network gave."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from fidelity.answers import expected_answer, read_answer

MASKS = np.zeros((2, 3, 4), np.bool_)
MASKS[0, 1:, 2:] = MASKS[1, :1] = True
IDS = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [0, 0, 0, 0]])


def rle(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def instance(score, box, class_id, mask):
    keypoints = [[score, 1.0, 0.5]]
    parts = {"score": score, "box": box, "class_id": class_id, "keypoints": keypoints}
    return {**parts, "mask": rle(mask)}


DOCUMENT = {
    "image": {"height": 3, "width": 4},
    "predictions": [instance(0.75, [1, 1, 3, 3], 7, MASKS[1]), instance(0.5, [0] * 4, 2, MASKS[0])],
    "proposals": [{"box": [0, 0, 2, 2], "objectness": 2.5}, {"box": [1] * 4, "objectness": -1}],
    "semantic": {
        "segments": [{"class_id": 0, "mask": rle(IDS < 2)}, {"class_id": 1, "mask": rle(IDS == 2)}]
    },
    "panoptic": {
        "segments": [
            {"id": 1, "class_id": 4, "is_thing": True, "score": 0.25, "mask": rle(IDS == 1)},
            {"id": 2, "class_id": 9, "is_thing": False, "mask": rle(IDS == 2)},
        ]
    },
}

# In the order of the network: not that of the scores.
OUTPUT = {
    "instances.scores": np.array([0.5, 0.75], np.float32),
    "instances.pred_boxes": np.array([[0] * 4, [1, 1, 3, 3]], np.float32),
    "instances.pred_classes": np.array([2, 7]),
    "instances.pred_masks": MASKS,
    "instances.pred_keypoints": np.array([[[0.5, 1, 0.5]], [[0.75, 1, 0.5]]], np.float32),
    "proposals.proposal_boxes": np.array([[1] * 4, [0, 0, 2, 2]], np.float32),
    "proposals.objectness_logits": np.array([-1, 2.5], np.float32),
    "sem_seg": np.stack([IDS != 2, IDS == 2]).astype(np.float32),
    "panoptic_seg": IDS.astype(np.int32),
    "panoptic_segments": np.array(
        json.dumps(
            [
                {"id": 1, "category_id": 4, "isthing": True, "score": 0.25, "instance_id": 0},
                {"id": 2, "category_id": 9, "isthing": False, "area": 4},
            ]
        )
    ),
}


def test_an_answer_says_what_the_network_gave():
    said, expected = read_answer(DOCUMENT), expected_answer(OUTPUT)
    assert said.keys() == expected.keys()
    assert len(said) == 9
    for name, array in expected.items():
        assert said[name].dtype == array.dtype, name
        np.testing.assert_array_equal(said[name], array, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("instances.scores", np.array([0.5, 0.7501], np.float32)),
        ("instances.pred_masks", ~MASKS),
        ("instances.pred_keypoints", np.zeros((2, 1, 3), np.float32)),
        ("proposals.objectness_logits", np.array([-1, 2.25], np.float32)),
        ("sem_seg", np.stack([IDS == 2, IDS != 2]).astype(np.float32)),
        ("panoptic_seg", np.maximum(IDS, 1).astype(np.int32)),
        ("panoptic_segments", np.array("[]")),
    ],
)
def test_an_answer_that_says_something_else_is_told_apart(name, value):
    said, expected = read_answer(DOCUMENT), expected_answer({**OUTPUT, name: value})
    assert any(said[key].tobytes() != expected[key].tobytes() for key in expected)


def test_an_answer_without_instances():
    document = {"image": {"height": 3, "width": 4}, "predictions": []}
    said, expected = read_answer(document), expected_answer({})
    assert said.keys() == expected.keys()
    assert {name: array.shape for name, array in said.items()} == {
        "answer.scores": (0,),
        "answer.boxes": (0, 4),
        "answer.classes": (0,),
    }
