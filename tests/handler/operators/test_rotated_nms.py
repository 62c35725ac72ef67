import numpy as np
import pytest
import torch
from detectron2.layers import batched_nms_rotated

from handler.operators import install_missing
from handler.operators.rotated_iou import box_iou_rotated
from handler.operators.rotated_nms import nms_rotated
from tests.handler.operators.test_rotated_iou import rotated


def greedy(boxes, scores, iou_threshold):
    """The definition, one box after another."""
    ious = box_iou_rotated(boxes, boxes).tolist()
    kept = []
    for one in sorted(range(len(boxes)), key=lambda index: -scores[index]):
        # The threshold as float32, like the IoUs.
        if all(ious[other][one] <= np.float32(iou_threshold) for other in kept):
            kept.append(one)
    return kept


def crowd(count, spread, seed=0):
    boxes = rotated(np.random.default_rng(seed), count, spread=spread)
    return torch.from_numpy(boxes).float()


def chain(count):
    """Each overlaps the next one alone, and the last is the best."""
    boxes = torch.tensor([[0.0, 0, 10, 4, 30]]).repeat(count, 1)
    boxes[:, 0] += torch.arange(count) * 6 * np.cos(np.radians(30))
    boxes[:, 1] -= torch.arange(count) * 6 * np.sin(np.radians(30))
    return boxes


BOXES = [
    pytest.param(torch.zeros(0, 5), id="none"),
    pytest.param(crowd(1, 10), id="one"),
    pytest.param(crowd(300, 60), id="a crowd"),
    pytest.param(crowd(700, 300), id="more than a block"),
    pytest.param(crowd(600, 20), id="a dense crowd, more than a block"),
    pytest.param(chain(600), id="a chain"),
    pytest.param(crowd(1, 10).repeat(600, 1), id="all the same"),
    pytest.param(torch.zeros(5, 5), id="without area"),
]


@pytest.mark.parametrize("boxes", BOXES)
@pytest.mark.parametrize("iou_threshold", [0.0, 0.1, 0.5, 0.7, 1.0])
def test_against_the_definition(boxes, iou_threshold):
    scores = torch.linspace(0, 1, len(boxes))
    found = nms_rotated(boxes, scores, iou_threshold)
    assert found.dtype == torch.int64
    assert found.tolist() == greedy(boxes, scores.tolist(), iou_threshold)


def test_of_equal_scores_the_first_is_the_better():
    boxes, scores = crowd(300, 60), torch.arange(300).remainder(3).float()
    assert nms_rotated(boxes, scores, 0.3).tolist() == greedy(boxes, scores.tolist(), 0.3)


@pytest.mark.parametrize(
    ("iou_threshold", "kept"),
    [
        pytest.param(0.49, [1], id="just below"),
        pytest.param(0.5, [1, 0], id="equal is not above"),
        pytest.param(0.51, [1, 0], id="just above"),
    ],
)
def test_around_the_threshold(iou_threshold, kept):
    boxes = torch.tensor([[0.0, 0, 4, 4, 0], [2.0, 0, 8, 4, 0]])
    assert nms_rotated(boxes, torch.tensor([0.1, 0.9]), iou_threshold).tolist() == kept


@pytest.mark.parametrize(
    ("boxes", "scores", "kept"),
    [
        pytest.param([(0, 0, 4, 4, 0)] * 2, (0.5, np.nan), [1], id="NaN scores best"),
        pytest.param([(np.nan, 0, 4, 4, 0)] * 2, (0.5, 0.9), [1, 0], id="NaN overlaps nothing"),
        pytest.param([(0, 0, np.inf, 4, 0)] * 2, (0.5, 0.9), [1, 0], id="nor does infinity"),
    ],
)
def test_what_is_not_finite_does_no_harm(boxes, scores, kept):
    assert nms_rotated(torch.tensor(boxes), torch.tensor(scores), 0.5).tolist() == kept


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    boxes, scores = crowd(50, 60).to(dtype), torch.arange(50).to(dtype)
    assert nms_rotated(boxes, scores, 0.3).tolist() == greedy(boxes, scores.tolist(), 0.3)


def test_through_detectron2_class_by_class():
    install_missing()
    boxes, scores, classes = crowd(200, 60), torch.linspace(0, 1, 200), torch.arange(200) % 3
    found = batched_nms_rotated(boxes, scores, classes, 0.3)
    expected = []
    for one in range(3):
        (members,) = (classes == one).nonzero(as_tuple=True)
        kept = greedy(boxes[members], scores[members].tolist(), 0.3)
        expected += members[kept].tolist()
    assert found.tolist() == sorted(expected, reverse=True)
