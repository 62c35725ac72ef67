"""How far outputs are apart, box by box."""

import numpy as np
import pytest

from fidelity.deviation import Deviation, deviation

BOXES = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [20, 20, 30, 30]], np.float32)
SCORES = np.array([0.9, 0.5, 0.3], np.float32)
CLASSES = np.array([1, 2, 2])
MASKS = np.zeros((3, 8, 8), np.bool_)
MASKS[:, 2:4] = True


def instances(boxes=BOXES, scores=SCORES, classes=CLASSES, masks=MASKS):
    return {
        "instances.pred_boxes": boxes,
        "instances.scores": scores,
        "instances.pred_classes": classes,
        "instances.pred_masks": masks,
    }


def test_the_same_bits():
    assert deviation([instances()], [instances()]) == Deviation(boxes=3, pixels=192)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (instances(boxes=BOXES + np.float32(0.25)), Deviation(1, 3, 0, 0.25, 0.0, 192, 0)),
        (instances(scores=SCORES + np.float32(0.25)), Deviation(1, 3, 0, 0.0, 0.25, 192, 0)),
        (instances(*(a[[2, 0, 1]] for a in instances().values())), Deviation(1, 3, 0, 0, 0, 192)),
        (instances(*(a[:2] for a in instances().values())), Deviation(1, 3, 1, 0, 0, 128)),
        (instances(classes=CLASSES[::-1].copy()), Deviation(1, 3, 4, 0, 0.4, 64)),
        (instances(boxes=BOXES + 2), Deviation(1, 3, 6)),
        (instances(masks=~MASKS), Deviation(1, 3, 0, 0, 0, 192, 192)),
        (instances(*(a[:0] for a in instances().values())), Deviation(1, 3, 3)),
    ],
    ids=[
        "moved by less than a pixel",
        "scored differently",
        "in another order",
        "one less",
        "of another class",
        "moved by more than a pixel",
        "other masks",
        "none at all",
    ],
)
def test_what_differs_is_measured_between_counterparts(found, expected):
    measured = deviation([found], [instances()])
    assert measured.largest_score == pytest.approx(expected.largest_score)
    counts = {**vars(expected), "largest_score": measured.largest_score}
    assert vars(measured) == counts


def test_proposals_and_segmentations_are_measured_as_well():
    expected = {
        "proposals.proposal_boxes": BOXES,
        "proposals.objectness_logits": SCORES,
        "sem_seg": np.stack([np.ones((4, 4)), np.zeros((4, 4))]),
        "panoptic_seg": np.ones((4, 4), np.int32),
    }
    found = {
        **expected,
        "sem_seg": expected["sem_seg"][::-1],
        "panoptic_seg": np.eye(4, dtype="i4"),
    }
    assert deviation([found], [expected]) == Deviation(1, 3, 0, 0, 0, 32, 28)


def test_images_are_added_up():
    total = Deviation(1, 2, 3, 0.5, 0.1, 10, 1) + Deviation(0, 1, 1, 0.25, 0.2, 5, 2)
    assert total == Deviation(1, 3, 4, 0.5, 0.2, 15, 3)
