"""How alike two objects are; rotated boxes are held against shapely."""

import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from shapely import Polygon, affinity, box

from client.overlap import overlaps

A, B, FAR = [0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]


def mask(*columns: int) -> dict:
    """Of 10 x 10 pixels, those of some columns."""
    pixels = np.zeros((10, 10), np.uint8, order="F")
    pixels[:, list(columns)] = 1
    rle = coco_mask.encode(pixels)
    return {**rle, "counts": rle["counts"].decode()}


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        pytest.param(A, A, 1.0, id="the same"),
        pytest.param(A, B, 8 / 12, id="moved"),
        pytest.param(A, FAR, 0.0, id="apart"),
        pytest.param(A, [10, 0, 20, 10], 0.0, id="side by side"),
        pytest.param(A, [2, 2, 8, 8], 0.36, id="inside"),
        pytest.param([5, 5, 5, 5], [5, 5, 5, 5], 0.0, id="no area"),
    ],
)
def test_boxes(old, new, alike):
    assert overlaps([{"box": old}], [{"box": new}]) == pytest.approx(np.array([[alike]]))


def test_every_pair_has_its_place():
    found = overlaps([{"box": A}, {"box": FAR}], [{"box": FAR}, {"box": B}, {"box": A}])
    assert found == pytest.approx(np.array([[0, 8 / 12, 1], [1, 0, 0]]))


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        pytest.param(mask(0, 1), mask(0, 1), 1.0, id="the same"),
        pytest.param(mask(0, 1, 2), mask(1, 2, 3), 0.5, id="moved"),
        pytest.param(mask(0), mask(9), 0.0, id="apart"),
        pytest.param(mask(), mask(), 0.0, id="empty"),
    ],
)
def test_masks_count_beside_boxes(old, new, alike):
    found = overlaps([{"box": A, "mask": old}], [{"box": A, "mask": new}])
    assert found == pytest.approx(np.array([[alike]]))


def test_the_least_alike_counts():
    (((found,),),) = (overlaps([{"box": A, "mask": mask(1)}], [{"box": B, "mask": mask(1)}]),)
    assert found == pytest.approx(8 / 12)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"box": A, "mask": mask(1)}, {"box": A}, id="no masks any more"),
        pytest.param({"box": A}, {"box": A, "keypoints": [[1, 1, 1]]}, id="keypoints now"),
        pytest.param(
            {"box": A, "keypoints": [[1, 1, 1]]},
            {"box": A, "keypoints": [[1, 1, 1], [2, 2, 1]]},
            id="other keypoints",
        ),
    ],
)
def test_what_one_has_and_the_other_lacks_is_not_alike(old, new):
    assert overlaps([old], [new]) == np.zeros((1, 1))


def polygon(rotated: list[float]) -> Polygon:
    x, y, width, height, degrees = rotated
    upright = box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    # Anticlockwise as it is seen: y points down.
    return affinity.rotate(upright, -degrees, origin=(x, y))


def thing(rotated: list[float]) -> dict:
    return {"rotated_box": rotated, "box": list(polygon(rotated).bounds)}


def by_shapely(old: list[float], new: list[float]) -> float:
    one, other = polygon(old), polygon(new)
    union = one.union(other).area
    return one.intersection(other).area / union if union else 0.0


R = [100.0, 80.0, 40.0, 10.0, 30.0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(R, R, id="the same"),
        pytest.param(R, [100.01, 80, 40, 10, 30.01], id="almost"),
        pytest.param(R, [100, 80, 40, 10, -150], id="turned half round"),
        pytest.param(R, [100, 80, 10, 40, -60], id="the same in other words"),
        pytest.param(R, [100, 80, 40, 10, -30], id="turned"),
        pytest.param(R, [100, 80, 20, 5, 30], id="inside"),
        pytest.param(R, [105, 82, 40, 10, 20], id="moved"),
        pytest.param(R, [100, 100, 40, 10, 30], id="apart, and their upright boxes are not"),
        pytest.param(R, [500, 80, 40, 10, 30], id="far away"),
        pytest.param([4000.3, 3000.7, 8, 3, 12], [4000.4, 3000.6, 8, 3, 14], id="far out"),
        pytest.param([10, 10, 4, 4, 0], [10, 10, 4, 4, 90], id="a square"),
        pytest.param([10, 10, 4, 4, 0], [14, 10, 4, 4, 0], id="side by side"),
        pytest.param([10, 10, 0, 4, 0], [10, 10, 0, 4, 0], id="no area"),
    ],
)
def test_rotated_boxes(old, new):
    expected = by_shapely(old, new)
    assert overlaps([thing(old)], [thing(new)])[0, 0] == pytest.approx(expected, abs=2e-3)
    assert overlaps([thing(new)], [thing(old)])[0, 0] == pytest.approx(expected, abs=2e-3)


def test_many_rotated_boxes():
    chance = np.random.default_rng(0)
    sides = [
        [
            [*chance.uniform(0, 60, 2), *chance.uniform(5, 40, 2), chance.uniform(-180, 180)]
            for _ in range(20)
        ]
        for _ in range(2)
    ]
    sides[1] += [[value + chance.normal(0, 1e-4) for value in one] for one in sides[0]]
    found = overlaps(*([thing(one) for one in side] for side in sides))
    expected = [[by_shapely(old, new) for new in sides[1]] for old in sides[0]]
    assert found == pytest.approx(np.array(expected), abs=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_rotated_box_is_like_itself_and_never_more(seed):
    chance = np.random.default_rng(seed)
    boxes = [
        [*chance.uniform(0, 4000, 2), *chance.uniform(1, 400, 2), chance.uniform(-180, 180)]
        for _ in range(40)
    ]
    boxes = np.float32(boxes).astype(np.float64).tolist()
    found = overlaps([thing(one) for one in boxes], [thing(one) for one in boxes])
    assert np.diag(found).tolist() == [1.0] * 40
    assert found.max() == 1
    assert found.min() == 0
    turned = [[*one[:4], one[4] + 360] for one in boxes]  # equal, and not in their numbers
    found = overlaps([thing(one) for one in boxes], [thing(one) for one in turned])
    assert 0 <= found.min() <= found.max() <= 1
    assert np.diag(found) == pytest.approx(1, abs=1e-4)


def person(*keypoints: tuple[float, float, float]) -> dict:
    return {"box": [0, 0, 100, 100], "keypoints": [list(one) for one in keypoints]}


STANDS = person((50, 10, 1), (50, 90, 1))
AT_HALF = 100 * math.sqrt(-2 * math.log(0.5)) * 2 * 0.067
"""How many pixels a keypoint of a box of 100 x 100 may be moved until it counts half."""


@pytest.mark.parametrize(
    ("new", "alike"),
    [
        pytest.param(STANDS, 1.0, id="the same"),
        pytest.param(person((50 + AT_HALF, 10, 1), (50, 90 + AT_HALF, 1)), 0.5, id="all moved"),
        pytest.param(person((50, 10, 1), (50, 90 + AT_HALF, 1)), 0.75, id="one moved"),
        pytest.param(person((50, 90, 1), (50, 10, 1)), 0.0, id="exchanged"),
        pytest.param(person((50, 10, 1), (0, 0, 0.01)), 0.5, id="one not seen any more"),
    ],
)
def test_keypoints(new, alike):
    assert overlaps([STANDS], [new])[0, 0] == pytest.approx(alike, abs=1e-6)


def test_keypoints_that_nobody_sees_tell_nothing():
    old, new = person((50, 10, 1), (0, 0, 0.01)), person((50, 10, 1), (90, 90, 0.01))
    assert overlaps([old], [new])[0, 0] == pytest.approx(1)
    unseen = person((0, 0, 0.01), (9, 9, 0.01))
    assert overlaps([unseen], [unseen])[0, 0] == 1
