import json

import numpy as np
import pytest

from handler.formats.cvat import encode_cvat
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


def drawn(annotation, size_hw):
    """The mask that CVAT makes of an annotation (`LambdaJob._call_detector`, `RLE.decode`)."""
    *pixels, left, top, right, bottom = annotation["mask"]
    mask = np.zeros(size_hw, bool)
    shape = (bottom - top + 1, right - left + 1)
    mask[top : bottom + 1, left : right + 1] = np.array(pixels).reshape(shape)
    return mask


@pytest.mark.parametrize("given", EVERY_KIND)
def test_instances(given):
    found = given.predictions.objects
    ours = json.loads(encode_cvat(given))[: len(found)]
    for index, (annotation, class_id) in enumerate(zip(ours, found.class_ids, strict=True)):
        assert annotation["label"] == CLASSES[class_id].name
        assert isinstance(annotation["confidence"], str)
        assert np.float32(annotation["confidence"]) == found.scores[index]
        if found.keypoints is not None:
            assert annotation["type"] == "skeleton"
            places = [(*one["points"], one["confidence"]) for one in annotation["elements"]]
            np.testing.assert_array_equal(np.float32(places), found.keypoints[index])
            assert [one["label"] for one in annotation["elements"]] == ["nose", "tail"]
        elif found.masks is not None and found.masks[index].any():
            assert annotation["type"] == "mask"
            mask = found.masks[index]
            np.testing.assert_array_equal(drawn(annotation, mask.shape), mask)
        else:
            assert annotation["type"] == "rectangle"
            assert len(annotation["points"]) == 4
            if found.rotated_boxes is None:
                points = np.float32(annotation["points"])
                np.testing.assert_array_equal(points, found.boxes_xyxy[index])


@pytest.mark.parametrize("angle", [0, 30, 90, -45, 180])
def test_rotated_boxes_turn_clockwise_about_their_centre(angle):
    given = instances(1, rotated=True)
    box = given.predictions.objects.rotated_boxes[0]
    box[:] = 10, 8, 6, 2, angle
    (annotation,) = json.loads(encode_cvat(given))
    x0, y0, x1, y1 = annotation["points"]
    turn = np.radians(annotation["rotation"])
    assert 0 <= annotation["rotation"] < 360
    upright = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) - (10, 8)
    clockwise = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    np.testing.assert_allclose(upright @ clockwise + (10, 8), rotated_box_corners(box), atol=1e-9)


def test_points_of_a_mask_outline_its_largest_part():
    mask = np.zeros((6, 8), bool)
    mask[0, 0], mask[2:5, 3:7] = True, True
    given = answered(size_hw=mask.shape, objects=objects(1, masks=mask[None], size_hw=mask.shape))
    (annotation,) = json.loads(encode_cvat(given))
    assert annotation["points"] == [3, 2, 7, 2, 7, 5, 3, 5]
    assert annotation["mask"][-4:] == [0, 0, 6, 4]


@pytest.mark.parametrize(
    ("given", "labels", "confidences"),
    [
        pytest.param(semantic(), ["sky", "gräss"], ["1", "1"], id="semantic"),
        pytest.param(panoptic(), ["sky", "cat", "cat"], ["1", "0.75", "0.1"], id="panoptic"),
    ],
)
def test_segments(given, labels, confidences):
    found = json.loads(encode_cvat(given))
    assert [one["label"] for one in found] == labels
    assert [one["confidence"] for one in found] == confidences
    assert {one["type"] for one in found} == {"mask"}


def test_nothing_found_is_an_empty_list():
    assert encode_cvat(instances(0, masks=True)) == b"[]"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(not_a_number("scores"), id="score"),
        pytest.param(not_a_number("keypoints"), id="keypoint"),
    ],
)
def test_refuses_nan_even_as_text(given):
    with pytest.raises(ValueError, match=r"score nan|JSON compliant"):
        encode_cvat(given)
