import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handler.polygons import mask_extent, mask_to_polygons, rotated_box_corners


def drawn(*rows: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


MASKS = [
    pytest.param(np.zeros((3, 5), bool), 0, 0, id="empty"),
    pytest.param(np.ones((1, 1), bool), 1, 0, id="image of one pixel"),
    pytest.param(np.ones((4, 7), bool), 1, 0, id="full"),
    pytest.param(drawn("...", ".#.", "..."), 1, 0, id="one pixel"),
    pytest.param(drawn("#####"), 1, 0, id="line of one pixel's height"),
    pytest.param(drawn("#", "#", "#"), 1, 0, id="line of one pixel's width"),
    pytest.param(drawn("#..", ".#.", "..#"), 3, 0, id="falling diagonal"),
    pytest.param(drawn("..#", ".#.", "#.."), 3, 0, id="rising diagonal"),
    pytest.param(drawn("###", "#.#", "###"), 1, 1, id="hole"),
    pytest.param(drawn("##.", "#.#", "###"), 1, 1, id="hole that touches the outside"),
    pytest.param(drawn(".##", "#.#", "###"), 1, 1, id="hole that touches, other diagonal"),
    pytest.param(drawn("####", "#.##", "##.#", "####"), 1, 2, id="holes that touch"),
    pytest.param(drawn("####", "##.#", "#.##", "####"), 1, 2, id="holes that touch, rising"),
    pytest.param(drawn("#####", "#...#", "#.#.#", "#...#", "#####"), 2, 1, id="island in a hole"),
    pytest.param(drawn("###..", "#.#..", "####.", "...##"), 1, 1, id="staircase"),
    pytest.param(drawn("##..##", "##..##"), 2, 0, id="two parts"),
]


def as_shapely(polygons):
    return shapely.MultiPolygon([(one.exterior, one.holes) for one in polygons])


def pixels_inside(shape, size_hw):
    height, width = size_hw
    ys, xs = np.mgrid[:height, :width] + 0.5
    return shapely.contains_xy(shape, xs, ys)


def check(mask):
    polygons = mask_to_polygons(mask)
    shape = as_shapely(polygons)
    assert shape.is_valid, shapely.is_valid_reason(shape)
    assert shape.area == mask.sum()
    np.testing.assert_array_equal(pixels_inside(shape, mask.shape), mask)
    for one, part in zip(polygons, shape.geoms, strict=True):
        assert one.area == part.area
        assert part.exterior.is_ccw
        assert not any(hole.is_ccw for hole in part.interiors)
    return polygons


@pytest.mark.parametrize(("mask", "parts", "holes"), MASKS)
def test_outlines(mask, parts, holes):
    polygons = check(mask)
    assert len(polygons) == parts
    assert sum(len(one.holes) for one in polygons) == holes


def test_every_mask_of_three_by_four_pixels():
    for pixels in itertools.product((False, True), repeat=12):
        check(np.array(pixels).reshape(3, 4))


@settings(max_examples=60, deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_any_mask(mask):
    check(mask)


def test_corners_alone_are_kept():
    (polygon,) = mask_to_polygons(np.ones((300, 200), bool))
    assert polygon.exterior.tolist() == [[0, 0], [200, 0], [200, 300], [0, 300]]


@pytest.mark.parametrize(
    ("mask", "extent"),
    [
        pytest.param(np.zeros((3, 5), bool), None, id="empty"),
        pytest.param(np.ones((1, 1), bool), (0, 0, 1, 1), id="image of one pixel"),
        pytest.param(drawn("....", "..#.", ".#..", "...."), (1, 1, 3, 3), id="inside"),
        pytest.param(drawn("#...", "...#"), (0, 0, 4, 2), id="full width"),
    ],
)
def test_extent(mask, extent):
    assert mask_extent(mask) == extent


@pytest.mark.parametrize(
    ("box", "corners"),
    [
        pytest.param((5, 5, 4, 2, 0), [[3, 4], [7, 4], [7, 6], [3, 6]], id="upright"),
        pytest.param((5, 5, 4, 2, 90), [[4, 7], [4, 3], [6, 3], [6, 7]], id="quarter turn"),
        pytest.param((5, 5, 4, 2, -90), [[6, 3], [6, 7], [4, 7], [4, 3]], id="other way round"),
        pytest.param((5, 5, 0, 0, 30), [[5, 5]] * 4, id="no size"),
    ],
)
def test_corners_of_rotated_boxes(box, corners):
    found = rotated_box_corners(np.array(box, np.float32))
    np.testing.assert_allclose(found, corners, atol=1e-12)
