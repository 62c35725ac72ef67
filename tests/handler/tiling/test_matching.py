"""Which parts are one object where networks are not without fault: parts drawn one by one."""

from dataclasses import replace

import numpy as np
import pytest

from handler.tiling.agreement import agreement, lies_within, shared_zone
from handler.tiling.matching import same_objects
from handler.tiling.tiles import Tile
from tests.handler.tiling.scenes import Thing, seen, tiles_of

SIZE_HW = (100, 260)
LEFT, MIDDLE, RIGHT = tiles_of(SIZE_HW, 100, 0.2)  # 0 to 100, 80 to 180, 160 to 260


def part(tile, box_xyxy, *, score=0.9, class_id=0, masks=True):
    (only,) = seen(Thing(box_xyxy, class_id, score), tile, SIZE_HW, masks=masks)
    return only


def boxes(groups):
    """The boxes of each object's parts."""
    return [[tuple(part.box_xyxy.astype(int).tolist()) for part in group] for group in groups]


@pytest.fixture(params=[True, False], ids=["masks", "boxes"])
def masks(request):
    return request.param


@pytest.mark.parametrize(
    ("left", "middle", "expected"),
    [
        pytest.param((50, 20, 100, 60), (80, 20, 130, 60), 1.0, id="cut, equal"),
        pytest.param((50, 20, 100, 60), (80, 30, 130, 60), 0.75, id="cut, a bit off"),
        pytest.param((84, 20, 96, 60), (84, 20, 96, 40), 0.5, id="whole twice, half of it"),
        pytest.param((84, 20, 96, 60), (84, 20, 96, 39), None, id="whole twice, less than half"),
        pytest.param((50, 20, 90, 60), (80, 20, 84, 60), 0.4, id="a sliver that is found small"),
        pytest.param((50, 20, 84, 60), (80, 20, 90, 60), None, id="a sliver found too large"),
        pytest.param((50, 20, 90, 60), (81, 20, 85, 60), 0.4, id="not on the last pixel"),
        pytest.param((50, 20, 90, 60), (83, 20, 87, 60), None, id="too far from the border"),
        pytest.param((50, 20, 90, 60), (90, 20, 130, 60), None, id="side by side"),
        pytest.param((20, 20, 70, 60), (90, 20, 130, 60), None, id="apart"),
        pytest.param((20, 20, 80, 60), (110, 20, 130, 60), None, id="neither in the zone"),
    ],
)
def test_two_tiles_are_compared_where_both_looked(left, middle, expected, masks):
    one, other = part(LEFT, left, masks=masks), part(MIDDLE, middle, masks=masks)
    zone = shared_zone(LEFT, MIDDLE)
    assert zone == (80, 0, 100, 100)
    agreed = agreement(one, other, zone)
    assert agreed == (None if expected is None else pytest.approx(expected))
    assert agreement(other, one, zone) == agreed


def test_tiles_that_share_no_pixel_have_no_zone():
    assert shared_zone(LEFT, RIGHT) is None
    assert shared_zone(Tile(0, 0, 9, 9), Tile(0, 9, 9, 18)) is None


@pytest.mark.parametrize(
    ("piece", "expected"),
    [((80, 20, 90, 40), True), ((80, 20, 90, 62), True), ((80, 20, 90, 80), False)],
)
def test_whether_a_part_lies_within_another(piece, expected, masks):
    whole = part(LEFT, (50, 10, 95, 60), masks=masks)
    assert lies_within(part(MIDDLE, piece, masks=masks), whole) is expected


def test_nothing_is_nothing():
    assert same_objects([]) == []


def test_an_object_longer_than_tiles_is_one(masks):
    parts = [part(tile, (10, 20, 250, 50), masks=masks) for tile in (RIGHT, LEFT, MIDDLE)]
    (only,) = same_objects(parts)
    assert [one.tile for one in only] == [LEFT, MIDDLE, RIGHT]


def test_classes_are_not_mixed(masks):
    parts = [
        part(LEFT, (50, 20, 130, 60), masks=masks),
        part(MIDDLE, (50, 20, 130, 60), class_id=1, masks=masks),
    ]
    assert len(same_objects(parts)) == 2


def test_a_child_in_front_of_its_mother_is_not_a_part_of_her(masks):
    """Both are persons, the mother's box holds the child's: where smaller boxes are compared with
    larger ones they become one."""
    mother, child = (60, 5, 140, 95), (70, 50, 120, 90)
    parts = [part(tile, one, masks=masks) for tile in (LEFT, MIDDLE) for one in (mother, child)]
    groups = boxes(same_objects(parts))
    assert sorted(map(sorted, groups)) == [
        [(60, 5, 100, 95), (80, 5, 140, 95)],
        [(70, 50, 100, 90), (80, 50, 120, 90)],
    ]


def test_a_sliver_that_another_tile_shows_whole_adds_nothing(masks):
    whole = part(LEFT, (50, 20, 90, 60), masks=masks)
    sliver = part(MIDDLE, (80, 25, 84, 55), score=0.95, masks=masks)
    assert boxes(same_objects([whole, sliver])) == [[(80, 25, 84, 55), (50, 20, 90, 60)]]


def shattered(masks):
    """An object, whole on the left, that the middle tile takes for one and a piece of it."""
    return (
        part(LEFT, (50, 20, 95, 60), masks=masks),
        part(MIDDLE, (80, 20, 95, 60), masks=masks),
        part(MIDDLE, (80, 30, 90, 40), score=0.8, masks=masks),
    )


def test_a_piece_of_what_another_tile_shows_whole_is_left_out(masks):
    whole, cut_off, _ = parts = shattered(masks)
    assert same_objects(parts) == [[whole, cut_off]]


def test_but_stays_where_that_tile_tells_the_two_apart(masks):
    second = part(LEFT, (70, 30, 90, 40), score=0.7, masks=masks)
    groups = same_objects([*shattered(masks), second])
    assert [len(group) for group in groups] == [2, 2]
    assert second in groups[1]


def test_and_where_no_tile_shows_the_whole(masks):
    long = [part(tile, (50, 20, 120, 60), masks=masks) for tile in (LEFT, MIDDLE)]
    piece = part(MIDDLE, (80, 30, 90, 40), score=0.8, masks=masks)
    assert same_objects([*long, piece]) == [long, [piece]]


def test_the_surer_pair_is_joined_first(masks):
    """A guess that happens to fit a little better does not take the place of what is there."""
    left = part(LEFT, (50, 20, 100, 60), masks=masks)
    sure = part(MIDDLE, (80, 22, 130, 60), score=0.9, masks=masks)
    guess = part(MIDDLE, (80, 20, 100, 60), score=0.1, masks=masks)
    groups = same_objects([guess, left, sure])
    assert groups[0] == [left, sure]


def test_what_one_tile_tells_apart_is_not_joined_by_another(masks):
    """The middle tile takes two for one; the others show each of them whole."""
    first = part(LEFT, (60, 20, 97, 60), masks=masks)
    second = part(RIGHT, (163, 20, 200, 60), masks=masks)
    both = part(MIDDLE, (60, 20, 200, 60), score=0.5, masks=masks)
    groups = same_objects([first, both, second])
    assert not any(first in group and second in group for group in groups)


@pytest.mark.parametrize("angle", [30, -60])
def test_rotated_boxes_are_compared_as_they_lie(angle):
    """Two ships side by side at an angle: the boxes around them overlap, the ships do not."""
    x, y = 90 + 24 * np.sin(np.radians(angle)), 50 + 24 * np.cos(np.radians(angle))

    def ship(tile, x, y):
        around = part(tile, (81, 0, 99, 100), masks=False)
        return replace(around, rotated_box=np.array([x, y, 60, 20, angle], np.float32))

    one, same = ship(LEFT, 90, 50), ship(MIDDLE, 91, 50)
    other = ship(MIDDLE, x, y)
    zone = shared_zone(LEFT, MIDDLE)
    assert agreement(one, same, zone) > 0.9
    assert agreement(one, other, zone) is None
