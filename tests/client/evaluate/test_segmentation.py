"""Masks of annotations are those of pycocotools, and what would make it fail does not reach it."""

import re

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from client.evaluate.segmentation import compressed_rle, without_lines
from client.predictions import decode_rle

SIZE = [40, 50]


def masks() -> list[np.ndarray]:
    """Of all sorts: empty, full, noise of every density, stripes, and runs of many digits."""
    random = np.random.default_rng(0)
    found = [np.zeros((40, 50), bool), np.ones((40, 50), bool)]
    found += [random.random((40, 50)) < share for share in np.linspace(0.01, 0.99, 30)]
    large = np.zeros((3000, 4000), bool)
    large[200:1700, 500:3500] = True
    large[600, 1000] = False
    return [*found, np.eye(40, 50, dtype=bool), large]


@pytest.mark.parametrize("number", range(len(masks())))
@pytest.mark.parametrize("is_compressed", [True, False], ids=["compressed", "plain"])
def test_run_lengths_are_those_of_pycocotools(number, is_compressed):
    mask = masks()[number]
    size = list(mask.shape)
    theirs = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=flat[:1] ^ flat[:1], append=~flat[-1:]))
    plain = np.diff(edges, prepend=0).tolist()
    found = compressed_rle({"size": size, "counts": theirs if is_compressed else plain}, size)
    assert found == {"size": size, "counts": theirs}
    assert np.array_equal(decode_rle(found), mask)


@pytest.mark.parametrize("nothing", [None, [], {}], ids=["null", "no polygons", "no object"])
def test_no_mask(nothing):
    assert compressed_rle(nothing, SIZE) is None


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        pytest.param("zzzz", "no compressed run lengths", id="other characters"),
        pytest.param("\u00e9", "no compressed run lengths", id="no ASCII"),
        pytest.param("", "no compressed run lengths", id="nothing"),
        pytest.param("PPPP", "no compressed run lengths", id="half a number"),
        pytest.param("P" * 12 + "0", "no compressed run lengths", id="a number without end"),
        pytest.param("`0", "do not add up to the pixels", id="too few"),
        pytest.param("0000" * 999, "do not add up to the pixels", id="runs of nothing"),
        pytest.param([0, 1999], "do not add up to the pixels", id="one pixel less"),
        pytest.param([-5, 2005], "do not add up to the pixels", id="a run below 0"),
        pytest.param([], "do not add up to the pixels", id="no runs"),
        pytest.param([0.5, 1999.5], "no list of whole numbers", id="half pixels"),
        pytest.param([2**70, 5], "no list of whole numbers", id="more than memory has"),
        pytest.param(["a"], "no list of whole numbers", id="texts"),
    ],
)
def test_refuses_run_lengths(counts, sentence):
    with pytest.raises(ValueError, match=sentence):
        compressed_rle({"size": SIZE, "counts": counts}, SIZE)


@pytest.mark.parametrize("far", [1e299, -1e9, 100_001])
def test_refuses_polygons_that_reach_too_far(far):
    with pytest.raises(ValueError, match=re.escape(f"a polygon reaches {abs(far):g}, accepted")):
        compressed_rle([[0, 0, far, 0, 30, 30]], SIZE)


def test_a_polygon_may_reach_beyond_the_image():
    found = compressed_rle([[-90, -90, 1000, -90, 1000, 1000, -90, 1000]], SIZE)
    assert decode_rle(found).all()


TRIANGLE = [3.5, 2, 31, 5.5, 11, 29]


@pytest.mark.parametrize(
    ("polygons", "left"),
    [
        pytest.param([TRIANGLE, [1, 2, 30, 20]], [TRIANGLE], id="a line after another polygon"),
        pytest.param([[1, 2, 30, 20], TRIANGLE], [TRIANGLE], id="a line before it"),
        pytest.param([TRIANGLE, [5, 5], TRIANGLE], [TRIANGLE] * 2, id="a point"),
        pytest.param([[], TRIANGLE], [TRIANGLE], id="nothing"),
        pytest.param([[1, 2, 30, 20]], [[1, 2, 30, 20]], id="a line alone"),
        pytest.param([TRIANGLE, [1, 2, 3]], [TRIANGLE, [1, 2, 3]], id="half a point"),
        pytest.param([TRIANGLE, "a"], [TRIANGLE, "a"], id="no polygon"),
    ],
)
def test_lines_beside_polygons_are_left_out(polygons, left):
    assert without_lines(polygons) == left


@pytest.mark.parametrize("seed", range(20))
def test_lines_have_no_pixels_for_pycocotools(seed):
    random = np.random.default_rng(seed)
    polygons = [TRIANGLE, random.uniform(0, 40, 4).tolist(), random.uniform(0, 40, 2).tolist()]
    theirs = coco_mask.merge(coco_mask.frPyObjects(polygons, *SIZE))
    assert compressed_rle(without_lines(polygons), SIZE)["counts"] == theirs["counts"].decode()
