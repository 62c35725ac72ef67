from dataclasses import replace

import numpy as np
import pytest

from handler.predictions import Objects
from handler.tiling.parts import parts_of
from handler.tiling.tiles import Tile

SIZE_HW = (300, 300)
CORNER, MIDDLE = Tile(0, 0, 100, 100), Tile(100, 100, 200, 200)  # within 2 pixels is at the border
OBJECTS = Objects(
    boxes_xyxy=np.array([[10, 20, 30, 40]], np.float32),
    scores=np.array([0.9], np.float32),
    class_ids=np.array([2]),
)


def part(tile=MIDDLE, size_hw=SIZE_HW, **fields):
    (only,) = parts_of(replace(OBJECTS, **fields), tile, size_hw=size_hw)
    return only


def test_everything_moves_to_where_the_tile_is():
    mask = np.zeros((1, 100, 100), np.bool_)
    mask[0, 22:38, 11:29] = True
    keypoints = np.array([[[12, 24, 0.5]]], np.float32)
    rotated_boxes = np.array([[20, 30, 10, 5, 45]], np.float32)
    found = part(masks=mask, keypoints=keypoints, rotated_boxes=rotated_boxes)
    assert found.box_xyxy.tolist() == [110, 120, 130, 140]
    assert found.mask.box_xyxy == (111, 122, 129, 138)
    assert found.keypoints.tolist() == [[112, 124, 0.5]]
    assert found.rotated_box.tolist() == [120, 130, 10, 5, 45]
    assert (found.class_id, found.score, found.tile) == (2, np.float32(0.9), MIDDLE)
    assert keypoints[0, 0, 0] == 12
    assert rotated_boxes[0, 0] == 20


def test_what_the_model_does_not_answer_with_is_none():
    found = part()
    assert found.mask is found.keypoints is found.rotated_box is None


def test_nothing_is_no_parts():
    assert list(parts_of(Objects.none(), MIDDLE, size_hw=SIZE_HW)) == []


@pytest.mark.parametrize(
    ("box_xyxy", "tile", "expected"),
    [
        pytest.param((10, 10, 90, 90), MIDDLE, True, id="in the middle"),
        pytest.param((3, 3, 97, 97), MIDDLE, True, id="close to all borders"),
        pytest.param((1, 10, 90, 90), MIDDLE, False, id="left"),
        pytest.param((10, 0, 90, 90), MIDDLE, False, id="top"),
        pytest.param((10, 10, 99, 90), MIDDLE, False, id="right"),
        pytest.param((10, 10, 90, 100), MIDDLE, False, id="bottom"),
        pytest.param((-5, 10, 90, 90), MIDDLE, False, id="beyond"),
        pytest.param((0, 0, 90, 90), CORNER, True, id="where the image begins"),
        pytest.param((0, 0, 100, 90), CORNER, False, id="where the image goes on"),
        pytest.param((10, 10, 100, 100), Tile(200, 200, 300, 300), True, id="where it ends"),
        pytest.param((float("nan"), 10, 90, 90), MIDDLE, False, id="no number"),
    ],
)
def test_whether_a_part_is_whole(box_xyxy, tile, expected):
    assert part(tile, boxes_xyxy=np.array([box_xyxy], np.float32)).is_whole is expected


def test_an_image_of_one_pixel_shows_all_of_it():
    box = np.array([[0, 0, 1, 1]], np.float32)
    assert part(Tile(0, 0, 1, 1), (1, 1), boxes_xyxy=box).is_whole
