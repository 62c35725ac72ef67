import json

import numpy as np
import pytest
import torch
from detectron2.data.detection_utils import transform_proposals
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.structures import BoxMode

from handler.errors import InvalidOption
from handler.metadata import InputSpec
from handler.model_input import InputBuilder
from handler.proposals import MOST_PROPOSALS, parse_proposals, window_proposals
from tests.images import noise_bgr

BOX = [1, 2.5, 3, 4]


@pytest.mark.parametrize(
    ("value", "boxes_xyxy", "objectness"),
    [
        pytest.param([], np.zeros((0, 4)), [], id="none"),
        pytest.param([BOX], [BOX], [0], id="a box"),
        pytest.param([{"box": BOX}], [BOX], [0], id="an object"),
        pytest.param([{"box": BOX, "objectness": -2.5}], [BOX], [-2.5], id="with objectness"),
        pytest.param(
            [{"box": [0, 0, 1, 1], "objectness": -1}, BOX, {"box": [0, 0, 2, 2], "objectness": 3}],
            [[0, 0, 2, 2], BOX, [0, 0, 1, 1]],
            [3, 0, -1],
            id="best first",
        ),
        pytest.param(
            [[0, 0, 1, 1], [0, 0, 2, 2]], [[0, 0, 1, 1], [0, 0, 2, 2]], [0, 0], id="ties in order"
        ),
        pytest.param([[-5, -5, 1e8, 0.1]], [[-5, -5, 1e8, 0.1]], [0], id="beyond the image"),
    ],
)
@pytest.mark.parametrize("as_sent", [lambda v: v, json.dumps], ids=["JSON value", "JSON text"])
def test_reads_boxes_and_native_answers(value, boxes_xyxy, objectness, as_sent):
    proposals = parse_proposals(as_sent(value))
    np.testing.assert_array_equal(proposals.boxes_xyxy, np.array(boxes_xyxy, np.float32))
    np.testing.assert_array_equal(proposals.objectness, np.array(objectness, np.float32))
    assert proposals.boxes_xyxy.dtype == proposals.objectness.dtype == np.float32


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("boxes", "what came is not JSON", id="text"),
        pytest.param("[" * 100_000, "what came is not JSON", id="deeply nested text"),
        pytest.param({"box": BOX}, "what came is a JSON object", id="one object alone"),
        pytest.param(7, "what came is a JSON number", id="a number"),
        pytest.param(" " * 3_000_000, "3000000 characters, at most 2000000", id="long text"),
        pytest.param([[BOX]], r"proposals\[0\] is \[\[1, 2.5", id="nested once more"),
        pytest.param([list(range(10**6))], r"proposals\[0\] is \[0, 1", id="a million numbers"),
        pytest.param([[1, 2, 3, 1e9]], r"proposals\[0\] is", id="far away"),
        pytest.param([BOX, [1, 2, 3]], r"proposals\[1\] is \[1, 2, 3\]", id="three numbers"),
        pytest.param([[1, 2, 3, 4, 5]], r"proposals\[0\] is", id="five numbers"),
        pytest.param([[1, 2, 3, "4"]], r"proposals\[0\] is", id="a number as text"),
        pytest.param([[1, 2, 3, True]], r"proposals\[0\] is", id="a boolean"),
        pytest.param([[1, 2, 3, None]], r"proposals\[0\] is", id="null"),
        pytest.param([[1, 2, 3, float("nan")]], r"proposals\[0\] is", id="NaN"),
        pytest.param("[[1, 2, 3, Infinity]]", r"proposals\[0\] is", id="infinite, as text"),
        pytest.param([[1, 2, 3, 10**400]], r"proposals\[0\] is .{,60}\.", id="a huge integer"),
        pytest.param([[1, 2, 3, 10**9999]], r"proposals\[0\] is .{,60}\.", id="a huger integer"),
        pytest.param([{"boxes": BOX}], r"proposals\[0\] is", id="another key"),
        pytest.param([{"box": BOX, "objectness": "x"}], r"proposals\[0\] is", id="objectness"),
        pytest.param([None], r"proposals\[0\] is None", id="nothing"),
        pytest.param([BOX] * (MOST_PROPOSALS + 1), "10001 boxes, at most 10000", id="too many"),
    ],
)
def test_refuses_anything_else(value, message):
    with pytest.raises(InvalidOption, match=message):
        parse_proposals(value)


@pytest.mark.parametrize("size_hw", [(1, 1), (33, 50), (480, 640), (40, 900)])
@pytest.mark.parametrize("topk", [1, 10, 1000])
def test_the_network_gets_what_detectron2s_loader_makes(size_hw, topk):
    height, width = size_hw
    random = np.random.default_rng(0)
    corners = random.uniform(-10, (width + 10, height + 10), (60, 2, 2)).astype(np.float32)
    objectness = random.normal(size=60).astype(np.float32)
    boxes_xyxy = np.concatenate([corners.min(1), corners.max(1)], axis=1)
    boxes_xyxy[0] = [5, 5, 5, 5]  # empty ones are left out

    image_bgr = noise_bgr(height, width)
    transform = ResizeShortestEdge([96, 96], 192).get_transform(image_bgr)
    order = np.argsort(-objectness)
    theirs = {
        "proposal_boxes": boxes_xyxy[order],
        "proposal_objectness_logits": objectness[order],
        "proposal_bbox_mode": BoxMode.XYXY_ABS,
    }
    size_after = transform.apply_image(image_bgr).shape[:2]
    transform_proposals(theirs, size_after, transform, proposal_topk=topk)

    rows = zip(boxes_xyxy.tolist(), objectness.tolist(), strict=True)
    sent = json.dumps([{"box": box, "objectness": logit} for box, logit in rows])
    build_input = InputBuilder(InputSpec("BGR", 96, 192, proposal_topk=topk))
    ours = build_input(image_bgr, parse_proposals(sent)).as_dict()["proposals"]

    assert ours.image_size == theirs["proposals"].image_size
    assert len(ours) == len(theirs["proposals"]) > 0
    for name, value in theirs["proposals"].get_fields().items():
        expected, found = (getattr(v, "tensor", v) for v in (value, ours.get(name)))
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


@pytest.mark.parametrize("size_hw", [(1, 1), (480, 640)])
def test_windows_cover_the_image(size_hw):
    height, width = size_hw
    boxes_xyxy = window_proposals(size_hw).boxes_xyxy
    assert len(boxes_xyxy) == 59
    assert [0, 0, width, height] in boxes_xyxy.tolist()
    assert boxes_xyxy.min() == 0
    assert boxes_xyxy.max(0)[2:].tolist() == [width, height]
