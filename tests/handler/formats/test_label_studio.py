import json

import numpy as np
import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handler.formats.label_studio import brush_rle, encode_label_studio
from handler.options import Options
from handler.polygons import rotated_box_corners
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    answered,
    instances,
    not_a_number,
    objects,
    panoptic,
    semantic,
)


class Bits:
    def __init__(self, data):
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def read(self, count):
        self.at += count
        return int(self.bits[self.at - count : self.at], 2)


def decode_brush(data, size_hw):
    """What Label Studio draws: `decode` of `@thi.ng/rle-pack`, then the alpha channel."""
    bits = Bits(data)
    count, word_bits = bits.read(32), bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    values = []
    while len(values) < count:
        is_run = bits.read(1)
        length = bits.read(sizes[bits.read(2)]) + 1
        if is_run:
            values += [bits.read(word_bits)] * length
        else:
            values += [bits.read(word_bits) for _ in range(length)]
    assert len(values) == count
    rgba = np.array(values, np.uint8).reshape(*size_hw, 4)
    assert (rgba == rgba[:, :, 3:]).all()
    assert set(np.unique(rgba)) <= {0, 255}
    return rgba[:, :, 3] == 255


RANDOM = np.random.default_rng(0)
MASKS = [
    pytest.param(np.zeros((1, 1), bool), id="one pixel, empty"),
    pytest.param(np.ones((1, 1), bool), id="one pixel, full"),
    pytest.param(np.zeros((20, 30), bool), id="empty"),
    pytest.param(np.ones((20, 30), bool), id="full"),
    pytest.param(np.ones((128, 128), bool), id="as long as the longest run"),
    pytest.param(np.ones((128, 129), bool), id="longer than the longest run"),
    pytest.param(np.ones((256, 128), bool), id="twice the longest run"),
    pytest.param(np.ones((300, 400), bool), id="many longest runs"),
    pytest.param(RANDOM.random((37, 53)) > 0.5, id="noise"),
    pytest.param((RANDOM.random((74, 53)) > 0.5)[::2], id="not contiguous"),
]


@pytest.mark.parametrize("mask", MASKS)
def test_brush_draws_the_same_pixels(mask):
    np.testing.assert_array_equal(decode_brush(brush_rle(mask), mask.shape), mask)


@settings(max_examples=60, deadline=None)
@given_any(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_brush_draws_any_mask(mask):
    np.testing.assert_array_equal(decode_brush(brush_rle(mask), mask.shape), mask)


def test_brush_is_what_the_sdk_writes():
    # label_studio_sdk 2.1.2: converter.brush.mask2rle(np.uint8([[0, 255, 0], [255, 255, 0]])).
    # The SDK itself is no test package here: it requires another OpenCV wheel and dozens more.
    mask = np.array([[0, 1, 0], [1, 1, 0]], bool)
    sdk = [0, 0, 0, 24, 57, 27, 252, 96, 17, 255, 198, 1, 63, 252, 96, 0]
    assert list(brush_rle(mask)) == sdk


@pytest.mark.parametrize("given", EVERY_KIND)
def test_regions(given):
    document = json.loads(encode_label_studio(given))
    height, width = given.predictions.size_hw
    assert document["model_version"] == "pets:2.1"
    ids = [region["id"] for region in document["result"]]
    assert len(set(ids)) == len(ids)
    for region in document["result"]:
        assert (region["original_width"], region["original_height"]) == (width, height)
        assert region["image_rotation"] == 0
        assert region["to_name"] == "image"
        expected = "label_keypoints" if region["type"] == "keypointlabels" else "label"
        assert region["from_name"] == expected
        assert len(region["value"][region["type"]]) == 1


@pytest.mark.parametrize("given", EVERY_KIND)
def test_instances(given):
    found, (height, width) = given.predictions.objects, given.predictions.size_hw
    regions = {one["id"]: one for one in json.loads(encode_label_studio(given))["result"]}
    assert sum(name.startswith("object") and "." not in name for name in regions) == len(found)
    for index, class_id in enumerate(found.class_ids):
        region = regions[f"object{index}"]
        value = region["value"]
        assert np.float32(region["score"]) == found.scores[index]
        assert value[region["type"]] == [CLASSES[class_id].name]
        if found.masks is not None and found.masks[index].any():
            assert region["type"] == "brushlabels"
            assert value["format"] == "rle"
            mask = decode_brush(value["rle"], (height, width))
            np.testing.assert_array_equal(mask, found.masks[index])
            continue
        assert region["type"] == "rectanglelabels"
        if found.rotated_boxes is None:
            box = np.array([value["x"], value["y"], value["width"], value["height"]])
            box = box * (width, height, width, height) / 100
            box[2:] += box[:2]
            np.testing.assert_allclose(box, found.boxes_xyxy[index], rtol=1e-6)
            assert value["rotation"] == 0


@pytest.mark.parametrize("angle", [0, 30, 90, -45, 180])
def test_rotated_boxes_turn_clockwise_about_their_top_left_corner(angle):
    given = instances(1, rotated=True)
    box = given.predictions.objects.rotated_boxes[0]
    box[:] = 10, 8, 6, 2, angle
    (region,) = json.loads(encode_label_studio(given))["result"]
    value = region["value"]
    # Not square: percent of width and height are different lengths.
    x, width = value["x"] * 30 / 100, value["width"] * 30 / 100
    y, height = value["y"] * 20 / 100, value["height"] * 20 / 100
    turn = np.radians(value["rotation"])
    across = width * np.array([np.cos(turn), np.sin(turn)])
    down = height * np.array([-np.sin(turn), np.cos(turn)])
    corners = np.array([[0, 0], across, across + down, down])
    expected = rotated_box_corners(box) - (x, y)
    np.testing.assert_allclose(corners, expected, atol=1e-9)


def test_keypoints_belong_to_their_instance():
    given = instances(2, keypoints=True)
    regions = json.loads(encode_label_studio(given))["result"]
    points = [one for one in regions if one["type"] == "keypointlabels"]
    assert [one["parentID"] for one in points] == ["object0"] * 2 + ["object1"] * 2
    assert [one["value"]["keypointlabels"] for one in points] == [["nose"], ["tail"]] * 2
    found = [(one["value"]["x"] * 0.3, one["value"]["y"] * 0.2, one["score"]) for one in points]
    expected = given.predictions.objects.keypoints.reshape(-1, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "names", "scores"),
    [
        pytest.param(semantic(), ["sky", "gräss"], [None, None], id="semantic"),
        pytest.param(panoptic(), ["sky", "cat", "cat"], [None, 0.75, 0.1], id="panoptic"),
    ],
)
def test_segments(given, names, scores):
    regions = json.loads(encode_label_studio(given))["result"]
    assert [one["value"]["brushlabels"][0] for one in regions] == names
    assert [one.get("score") for one in regions] == scores


def test_names_of_the_labelling_configuration_are_the_requests():
    options = Options(from_name="tag", to_name="foto")
    given = answered(objects=objects(1), options=options)
    (region,) = json.loads(encode_label_studio(given))["result"]
    assert (region["from_name"], region["to_name"]) == ("tag", "foto")


@pytest.mark.parametrize(
    ("given", "score"),
    [
        pytest.param(instances(0), 0, id="nothing found"),
        pytest.param(instances(1), objects(1).scores[0], id="one"),
        pytest.param(instances(3), objects(3).scores.mean(), id="mean of three"),
    ],
)
def test_score_of_the_image(given, score):
    assert json.loads(encode_label_studio(given))["score"] == pytest.approx(score)


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_label_studio(not_a_number(where))
