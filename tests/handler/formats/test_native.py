import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handler.formats.native import encode_native
from handler.predictions import Predictions

RANDOM = np.random.default_rng(0)


def predictions(count: int, *, masks: bool = True, size_hw: tuple[int, int] = (20, 30)):
    return Predictions(
        size_hw=size_hw,
        boxes_xyxy=(RANDOM.random((count, 4)) * 1000).astype(np.float32),
        scores=np.sort(RANDOM.random(count).astype(np.float32))[::-1],
        class_ids=np.arange(count) % 2,
        masks=RANDOM.random((count, *size_hw)) > 0.5 if masks else None,
    )


def encode(given: Predictions) -> bytes:
    return encode_native(given, classes=("cat", "dög"), model_name="pets", model_version="2.1")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(predictions(0), id="nothing found"),
        pytest.param(predictions(1), id="one instance"),
        pytest.param(predictions(200), id="many"),
        pytest.param(predictions(3, masks=False), id="no mask head"),
        pytest.param(predictions(1, size_hw=(1, 1)), id="one pixel"),
    ],
)
def test_parses_back_to_the_same_bits(given):
    document = json.loads(encode(given))
    height, width = given.size_hw
    assert document["model"] == {"name": "pets", "version": "2.1"}
    assert document["image"] == {"width": width, "height": height}
    instances = document["predictions"]
    boxes_xyxy = np.array([i["box"] for i in instances], np.float32).reshape(-1, 4)
    assert boxes_xyxy.tobytes() == given.boxes_xyxy.tobytes()
    scores = np.array([i["score"] for i in instances], np.float32)
    assert scores.tobytes() == given.scores.tobytes()
    assert [i["class_id"] for i in instances] == given.class_ids.tolist()
    assert [i["class_name"] for i in instances] == [("cat", "dög")[i] for i in given.class_ids]
    if given.masks is None:
        assert not any("mask" in i for i in instances)
    else:
        for instance, mask in zip(instances, given.masks, strict=True):
            np.testing.assert_array_equal(coco_mask.decode(instance["mask"]), mask)


def test_numbers_are_in_their_shortest_form():
    given = Predictions(
        size_hw=(1, 1),
        boxes_xyxy=np.array([[0.1, 1e-8, 16777216, 1 / 3]], np.float32),
        scores=np.array([0.98], np.float32),
        class_ids=np.array([0]),
    )
    body = encode(given).decode()
    assert '"score":0.98,' in body
    assert '"box":[0.1,1e-08,16777216.0,0.33333334]' in body


def test_is_compact_utf8():
    body = encode(predictions(2))
    assert b'"dog"' not in body
    assert "dög".encode() in body
    assert b", " not in body
    assert b"\n" not in body


def test_refuses_what_json_has_no_word_for():
    given = predictions(1)
    given.boxes_xyxy[0, 0] = np.nan
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(given)
