import numpy as np
import pytest
import shapely
import torch

from handler.operators import rotated_iou
from handler.operators.rotated_iou import box_iou_rotated

PAIRS = 1000


def rotated(generator, count, *, spread=200.0, smallest=2.0, largest=150.0):
    """(N, 5) boxes anywhere, of any size and angle."""
    return np.column_stack(
        [
            generator.uniform(-spread, spread, (count, 2)),
            generator.uniform(smallest, largest, (count, 2)),
            generator.uniform(-360, 360, count),
        ]
    )


def corners(boxes):
    """(N, 4, 2) corners, by complex numbers: a turn anticlockwise on a screen is one by -angle."""
    turn = np.exp(-1j * np.radians(boxes[:, 4]))[:, None]
    offsets = boxes[:, 2, None] / 2 * [-1, 1, 1, -1] + boxes[:, 3, None] / 2 * [-1j, -1j, 1j, 1j]
    points = boxes[:, 0, None] + 1j * boxes[:, 1, None] + offsets * turn
    return np.stack([points.real, points.imag], axis=2)


def beside(generator, boxes, gap):
    """For each box one of equal angle to its right, that far away."""
    others = boxes.copy()
    others[:, 2] = generator.uniform(2, 150, len(boxes))
    steps = (boxes[:, 2] + others[:, 2]) / 2 + gap
    others[:, 0] += steps * np.cos(np.radians(boxes[:, 4]))
    others[:, 1] -= steps * np.sin(np.radians(boxes[:, 4]))
    return others


def anywhere(generator):
    return rotated(generator, PAIRS), rotated(generator, PAIRS)


def overlapping(generator):
    return rotated(generator, PAIRS, spread=20), rotated(generator, PAIRS, spread=20)


def far_from_the_origin(generator):
    first, second = overlapping(generator)
    shift = np.array([2e4, 1e4, 0, 0, 0])
    return first + shift, second + shift


def nested(generator):
    outer = rotated(generator, PAIRS, smallest=50)
    inner = outer.copy()
    inner[:, 2:4] *= generator.uniform(0.05, 0.5, (PAIRS, 2))
    inner[:, 4] += generator.choice([0, 15, 90, 180], PAIRS)
    return outer, inner


def touching(generator):
    boxes = rotated(generator, PAIRS)
    return boxes, beside(generator, boxes, 0.0)


def disjoint(generator):
    boxes = rotated(generator, PAIRS)
    return boxes, beside(generator, boxes, generator.uniform(0.01, 300, PAIRS))


def coinciding(generator):
    """The same region: turned by half, or by a quarter with width and height exchanged."""
    boxes = rotated(generator, PAIRS)
    turn = np.array([0, 0, 0, 0, 90])
    half, quarter = boxes + 2 * turn, boxes[:, [0, 1, 3, 2, 4]] + turn
    return boxes, np.where(np.arange(PAIRS)[:, None] % 2, half, quarter)


def nearly_coinciding(generator):
    boxes = rotated(generator, PAIRS)
    return boxes, boxes + generator.normal(0, 1e-4, boxes.shape)


def long_and_thin(generator):
    boxes, others = overlapping(generator)
    boxes[:, 2], boxes[:, 3] = 2000, generator.uniform(1e-3, 1, PAIRS)
    others[: PAIRS // 2] = boxes[: PAIRS // 2] + generator.normal(0, 1e-2, (PAIRS // 2, 5))
    return boxes, others


def without_area(generator):
    boxes, others = overlapping(generator)
    boxes[: PAIRS // 2, 2] = 0
    boxes[PAIRS // 4 :, 3] = 0
    return boxes, np.where(np.arange(PAIRS)[:, None] % 3, others, boxes)


KINDS = [
    anywhere,
    overlapping,
    far_from_the_origin,
    nested,
    touching,
    disjoint,
    coinciding,
    nearly_coinciding,
    long_and_thin,
    without_area,
]


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_pairs_against_shapely(kind):
    generator = np.random.default_rng(KINDS.index(kind))
    first, second = (torch.from_numpy(boxes).float() for boxes in kind(generator))
    found = box_iou_rotated(first, second)
    assert found.dtype == torch.float32
    expected = iou_of_polygons(first.double().numpy(), second.double().numpy())
    np.testing.assert_allclose(found.diagonal().numpy(), expected, rtol=0, atol=1e-6)


def iou_of_polygons(first, second):
    areas1, areas2 = first[:, 2] * first[:, 3], second[:, 2] * second[:, 3]
    has_area = (areas1 > 0) & (areas2 > 0)
    # Coordinates of a pair about its own middle: shapely loses digits far from the origin as well.
    middle = (first[:, :2] + second[:, :2]) / 2
    middle = np.pad(middle, ((0, 0), (0, 3)))
    polygons = [shapely.polygons(corners(boxes - middle)) for boxes in (first, second)]
    shared = np.zeros(len(first))
    # On a grid: without one, shapely finds nothing in common to two polygons that coincide but for
    # rounding, in one of a thousand.
    first_part, second_part = (some[has_area] for some in polygons)
    shared[has_area] = shapely.area(shapely.intersection(first_part, second_part, grid_size=1e-9))
    union = areas1 + areas2 - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=has_area)


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [
        pytest.param((0, 0, 4, 2, 0), (0, 0, 4, 2, 0), 1.0, id="the same"),
        pytest.param((0, 0, 4, 2, 0), (0, 0, 2, 4, 90), 1.0, id="the same by another name"),
        pytest.param((0, 0, 4, 2, 0), (2, 0, 4, 2, 0), 1 / 3, id="shifted by half"),
        pytest.param((0, 0, 4, 4, 0), (2, 0, 8, 4, 0), 0.5, id="half of the other"),
        pytest.param((0, 0, 2, 2, 0), (0, 0, 2, 2, 45), 2**-0.5, id="an octagon is shared"),
        pytest.param((0, 0, 4, 2, 0), (0, 0, 4, 2, 90), 1 / 3, id="a cross"),
        pytest.param((0, 0, 2, 2, 0), (2, 2, 2, 2, 0), 0.0, id="a corner is shared"),
        pytest.param((0, 0, 0, 2, 0), (0, 0, 2, 2, 0), 0.0, id="no width"),
        pytest.param((0, 0, -2, 2, 0), (0, 0, 2, 2, 0), 0.0, id="negative width"),
        pytest.param((0, 0, 1e-8, 1e-8, 0), (0, 0, 1e-8, 1e-8, 0), 0.0, id="next to no area"),
        pytest.param((np.nan, 0, 2, 2, 0), (0, 0, 2, 2, 0), 0.0, id="not a number"),
        pytest.param((0, 0, np.inf, 2, 0), (0, 0, 2, 2, 0), 0.0, id="infinite width"),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_known_pairs(one, other, iou, dtype):
    one, other = torch.tensor([one], dtype=dtype), torch.tensor([other], dtype=dtype)
    assert box_iou_rotated(one, other).item() == pytest.approx(iou, abs=1e-6)
    assert box_iou_rotated(other, one).item() == pytest.approx(iou, abs=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 3), (3, 0), (1, 1), (2, 5)])
def test_every_number_of_boxes(rows, columns):
    found = box_iou_rotated(torch.ones(rows, 5), torch.ones(columns, 5))
    torch.testing.assert_close(found, torch.ones(rows, columns))


def test_one_portion_of_memory_or_many(monkeypatch):
    boxes = torch.from_numpy(rotated(np.random.default_rng(0), 60)).float()
    at_once = box_iou_rotated(boxes, boxes)
    monkeypatch.setattr(rotated_iou, "_CANDIDATES_AT_ONCE", 200)
    monkeypatch.setattr(rotated_iou, "_PAIRS_AT_ONCE", 7)
    torch.testing.assert_close(box_iou_rotated(boxes, boxes), at_once, rtol=0, atol=0)
