"""What comes out for the whole image, from what a network without fault says of each tile."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cropped_masks import Crop
from handler.predictions import Objects
from handler.tiling.merging import merge, unite
from handler.tiling.parts import parts_of
from handler.tiling.tiles import Tile
from tests.handler.tiling.scenes import Thing, all_seen, drawn, nothing, seen, tiles_of

SIZE_HW = (180, 180)  # with tiles of 100 and an overlap of 0.2: four, which share 80 to 100

SCENES = {
    "nothing": [],
    "whole in one tile": [Thing((10, 10, 40, 40))],
    "whole in two tiles": [Thing((84, 20, 96, 40))],
    "across a vertical seam": [Thing((40, 20, 140, 50))],
    "across a horizontal seam": [Thing((20, 40, 50, 140))],
    "across four tiles": [Thing((50, 50, 130, 130))],
    "as large as the image": [Thing((0, 0, 180, 180))],
    "one pixel over a border": [Thing((30, 20, 81, 50))],
    "ends at a border": [Thing((60, 20, 100, 50)), Thing((80, 120, 120, 150))],
    "two that touch on a seam": [Thing((60, 20, 90, 50)), Thing((90, 20, 120, 50))],
    "two over a seam, one above the other": [Thing((40, 20, 140, 50)), Thing((40, 50, 140, 80))],
    "two classes in one place": [Thing((40, 20, 140, 50)), Thing((40, 20, 140, 50), class_id=1)],
    "many": [Thing((x, y, x + 14, y + 14)) for x in range(1, 165, 15) for y in range(1, 165, 15)],
}


def found_as(things, objects):
    """Boxes and classes, as sets that can be compared."""
    expected = {(*one.box_xyxy, one.class_id) for one in things}
    found = {
        (*box, class_id)
        for box, class_id in zip(
            objects.boxes_xyxy.tolist(), objects.class_ids.tolist(), strict=True
        )
    }
    return expected, found


@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes"])
@pytest.mark.parametrize("case", SCENES)
def test_the_whole_image_holds_what_is_in_it(case, masks):
    things = SCENES[case]
    parts = all_seen(things, tiles_of(SIZE_HW, 100, 0.2), SIZE_HW, masks=masks)
    objects = merge(parts, nothing=nothing(masks=masks), size_hw=SIZE_HW)
    expected, found = found_as(things, objects)
    assert found == expected
    assert len(objects) == len(things)
    assert objects.boxes_xyxy.dtype == objects.scores.dtype == np.float32
    if masks:
        for box_xyxy, mask in zip(objects.boxes_xyxy, objects.masks, strict=True):
            np.testing.assert_array_equal(mask, drawn(box_xyxy.astype(int), SIZE_HW))


@given(
    cells=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
    cell=st.integers(9, 60),
    side=st.integers(64, 150),
    overlap=st.floats(0.1, 0.5),
    masks=st.booleans(),
)
def test_whatever_the_tiles(cells, cell, side, overlap, masks):
    """Things that touch on all sides, of all sizes against the tiles."""
    size_hw = (6 * cell, 6 * cell)
    things = [
        Thing((x * cell, y * cell, (x + 1) * cell, (y + 1) * cell), score=0.5 + (x + 6 * y) / 100)
        for x, y in sorted(cells)
    ]
    parts = all_seen(things, tiles_of(size_hw, side, overlap), size_hw, masks=masks)
    objects = merge(parts, nothing=nothing(masks=masks), size_hw=size_hw)
    expected, found = found_as(things, objects)
    assert found == expected
    assert len(objects) == len(things)
    assert objects.scores.tolist() == sorted(objects.scores.tolist(), reverse=True)


@pytest.mark.parametrize("case", ["across four tiles", "many"])
def test_the_order_of_parts_does_not_matter(case):
    parts = all_seen(SCENES[case], tiles_of(SIZE_HW, 100, 0.2), SIZE_HW)
    parts = [replace(one, score=np.float32(0.5 + index / 999)) for index, one in enumerate(parts)]
    expected = merge(parts, nothing=nothing(), size_hw=SIZE_HW)
    for seed in range(3):
        random.Random(seed).shuffle(parts)
        objects = merge(parts, nothing=nothing(), size_hw=SIZE_HW)
        assert objects.boxes_xyxy.tobytes() == expected.boxes_xyxy.tobytes()
        assert objects.scores.tobytes() == expected.scores.tobytes()


def test_across_tiles_that_share_no_pixel_nothing_is_joined():
    tiles = tiles_of((100, 200), 100, 0)
    parts = all_seen([Thing((40, 20, 140, 50))], tiles, (100, 200))
    objects = merge(parts, nothing=nothing(), size_hw=(100, 200))
    assert sorted(objects.boxes_xyxy.tolist()) == [[40, 20, 100, 50], [100, 20, 140, 50]]


LEFT, RIGHT = tiles_of((100, 180), 100, 0.2)


def test_a_whole_is_taken_as_it_is_even_where_a_part_is_surer():
    whole = seen(Thing((60, 20, 95, 50), score=0.7), LEFT, (100, 180))
    piece = seen(Thing((60, 18, 97, 50), score=0.9), RIGHT, (100, 180))
    objects = merge(whole + piece, nothing=nothing(), size_hw=(100, 180))
    assert objects.boxes_xyxy.tolist() == [[60, 20, 95, 50]]
    assert objects.scores.tolist() == [np.float32(0.7)]


def test_of_two_wholes_the_surer_one_is_taken():
    first = seen(Thing((84, 20, 96, 40), score=0.7), LEFT, (100, 180))
    second = seen(Thing((84, 21, 96, 42), score=0.8), RIGHT, (100, 180))
    objects = merge(first + second, nothing=nothing(), size_hw=(100, 180))
    assert objects.boxes_xyxy.tolist() == [[84, 21, 96, 42]]


def test_the_score_of_a_union_is_the_best_of_its_parts():
    first = seen(Thing((40, 20, 140, 50), score=0.7), LEFT, (100, 180))
    second = seen(Thing((40, 20, 140, 50), score=0.8), RIGHT, (100, 180))
    objects = merge(first + second, nothing=nothing(), size_hw=(100, 180))
    assert objects.scores.tolist() == [np.float32(0.8)]


def test_a_union_has_the_keypoints_of_its_best_part():
    keypoints = np.array([[[10, 20, 0.5], [0, 0, 0.1]]], np.float32)
    thing = Thing((40, 20, 140, 50))
    parts = [
        *seen(replace(thing, score=0.7), LEFT, (100, 180), masks=False, keypoints=keypoints + 1),
        *seen(replace(thing, score=0.8), RIGHT, (100, 180), masks=False, keypoints=keypoints),
    ]
    none = replace(nothing(masks=False), keypoints=np.zeros((0, 2, 3), np.float32))
    objects = merge(parts, nothing=none, size_hw=(100, 180))
    expected = keypoints + np.array([80, 0, 0], np.float32)
    np.testing.assert_array_equal(objects.keypoints, expected)


def test_masks_without_a_pixel_stay_what_they_are():
    parts = all_seen([Thing((40, 20, 140, 50))], (LEFT, RIGHT), (100, 180))
    empty = [replace(one, mask=Crop.of(np.zeros((100, 100), np.bool_))) for one in parts]
    objects = merge(empty, nothing=nothing(), size_hw=(100, 180))
    assert len(objects) == 2
    assert not any(mask.any() for mask in objects.masks)
    assert unite(empty).mask.pixels.size == 0
    assert unite([empty[0], parts[1]]).mask.box_xyxy == parts[1].mask.box_xyxy


@pytest.mark.parametrize("angle", [0, 30, -45, -60])
def test_rotated_boxes_are_united_at_the_angle_of_the_largest(angle):
    """A ship of 90 x 20 about (90, 50), of which one tile shows 60 and the other one 50."""
    along = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
    sides = {LEFT: (-45, 15), RIGHT: (-5, 45)}
    parts = []
    for tile, (start, end) in sides.items():
        x, y = (90, 50) + along * (start + end) / 2
        rotated = np.array([[x - tile.left, y, end - start, 20, angle]], np.float32)
        objects = Objects(
            boxes_xyxy=np.array([[0, 0, 100, 100]], np.float32),
            scores=np.array([0.9], np.float32),
            class_ids=np.array([0]),
            rotated_boxes=rotated,
        )
        parts += parts_of(objects, tile, size_hw=(100, 180))
    none = replace(nothing(masks=False), rotated_boxes=np.zeros((0, 5), np.float32))
    objects = merge(parts, nothing=none, size_hw=(100, 180))
    np.testing.assert_allclose(objects.rotated_boxes, [[90, 50, 90, 20, angle]], atol=1e-4)
    middle, half = np.array([90, 50]), np.abs(along * 45) + np.abs(along[::-1] * 10)
    np.testing.assert_allclose(
        objects.boxes_xyxy, [np.hstack([middle - half, middle + half])], atol=1e-3
    )


FIELDS = {
    "boxes": {},
    "masks": {"masks": np.zeros((0, 50, 50), np.bool_)},
    "keypoints": {"keypoints": np.zeros((0, 17, 3), np.float32)},
    "rotated boxes": {"rotated_boxes": np.zeros((0, 5), np.float32)},
}


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize("size_hw", [(1, 1), (100, 180)], ids=["one pixel", "an image"])
def test_nothing_has_the_fields_that_the_model_answers_with(case, size_hw):
    objects = merge([], nothing=replace(Objects.none(), **FIELDS[case]), size_hw=size_hw)
    assert len(objects) == 0
    assert objects.boxes_xyxy.shape == (0, 4)
    for name in ("masks", "keypoints", "rotated_boxes"):
        value = getattr(objects, name)
        assert (value is not None) == (name in FIELDS[case])
        assert value is None or len(value) == 0
    if case == "keypoints":
        assert objects.keypoints.shape == (0, 17, 3)


def test_one_pixel():
    tile = Tile(0, 0, 1, 1)
    objects = merge(seen(Thing((0, 0, 1, 1)), tile, (1, 1)), nothing=nothing(), size_hw=(1, 1))
    assert objects.boxes_xyxy.tolist() == [[0, 0, 1, 1]]
    assert objects.masks[0].tolist() == [[True]]


def test_what_is_no_number_stays_what_it_is():
    (part,) = seen(Thing((10, 10, 20, 20)), LEFT, (100, 180))
    bad = replace(part, score=np.float32("nan"), box_xyxy=part.box_xyxy * np.float32("nan"))
    objects = merge([bad, part], nothing=nothing(), size_hw=(100, 180))
    assert len(objects) == 2
    assert np.isnan(objects.scores).sum() == 1
