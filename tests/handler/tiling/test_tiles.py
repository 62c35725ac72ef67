import itertools

import numpy as np
import pytest

from handler.errors import InvalidOption
from handler.tiling.tiles import Tile, cut


def boxes(size_hw, side, overlap=0.0):
    return [one.box_xyxy for one in cut(size_hw, side=side, overlap=overlap, max_tiles=100)]


@pytest.mark.parametrize(
    ("size_hw", "side", "overlap", "expected"),
    [
        pytest.param((1, 1), 64, 0.2, [(0, 0, 1, 1)], id="one pixel"),
        pytest.param((60, 50), 64, 0.2, [(0, 0, 50, 60)], id="smaller than a tile"),
        pytest.param((64, 64), 64, 0.2, [(0, 0, 64, 64)], id="as large as a tile"),
        pytest.param((64, 65), 64, 0.2, [(0, 0, 64, 64), (1, 0, 65, 64)], id="a pixel more"),
        pytest.param((10, 200), 100, 0, [(0, 0, 100, 10), (100, 0, 200, 10)], id="one side less"),
        pytest.param(
            (10, 250),
            100,
            0.5,
            [(0, 0, 100, 10), (50, 0, 150, 10), (100, 0, 200, 10), (150, 0, 250, 10)],
            id="even",
        ),
        pytest.param(
            (10, 230), 100, 0.2, [(0, 0, 100, 10), (80, 0, 180, 10), (130, 0, 230, 10)], id="uneven"
        ),
        pytest.param(
            (150, 150),
            100,
            0.2,
            [(0, 0, 100, 100), (50, 0, 150, 100), (0, 50, 100, 150), (50, 50, 150, 150)],
            id="four, in reading order",
        ),
    ],
)
def test_where_tiles_lie(size_hw, side, overlap, expected):
    assert boxes(size_hw, side, overlap) == expected


@pytest.mark.parametrize("overlap", [0, 0.1, 0.33, 0.5])
@pytest.mark.parametrize("size_hw", [(1, 500), (97, 64), (333, 251), (640, 481)])
def test_every_pixel_is_seen_and_neighbours_share_enough(size_hw, overlap):
    tiles = cut(size_hw, side=64, overlap=overlap, max_tiles=1000)
    seen = np.zeros(size_hw, np.int64)
    for tile in tiles:
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert seen.min() == 1 or overlap
    assert seen.min() >= 1
    sizes = {(one.bottom - one.top, one.right - one.left) for one in tiles}
    assert sizes == {(min(64, size_hw[0]), min(64, size_hw[1]))}
    lefts = sorted({one.left for one in tiles})
    assert all(b - a <= 64 - int(64 * overlap) for a, b in itertools.pairwise(lefts))


def test_a_tile_is_a_view_of_its_pixels():
    image_bgr = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    pixels = Tile(1, 2, 4, 7).of(image_bgr)
    assert pixels.base is image_bgr.base
    np.testing.assert_array_equal(pixels, image_bgr[1:4, 2:7])


@pytest.mark.parametrize(
    ("size_hw", "count"),
    [
        pytest.param((5000, 5000), 24336, id="many"),
        pytest.param((1, 25_000_000), 781_249, id="very long"),
    ],
)
def test_too_many_are_refused_before_they_are_made(size_hw, count):
    with pytest.raises(InvalidOption, match=f"cut into {count} tiles, at most 100 are accepted"):
        cut(size_hw, side=64, overlap=0.5, max_tiles=100)
