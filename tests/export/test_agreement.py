import json

import numpy as np
import pytest

from export.agreement import agreement

BOX = [10, 10, 30, 40]


def side(boxes, *, scores=None, classes=None, masks=None, **more):
    number = len(boxes)
    made = {
        "instances.pred_boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "instances.scores": np.array([0.9] * number if scores is None else scores, np.float32),
        "instances.pred_classes": np.array([0] * number if classes is None else classes),
    }
    if masks is not None:
        made["instances.pred_masks"] = np.array(masks, bool)
    return {**made, **more}


def mask(pixels: int) -> np.ndarray:
    return np.arange(12).reshape(3, 4) < pixels


@pytest.mark.parametrize(
    ("found", "expected", "numbers"),
    [
        pytest.param(side([]), side([]), (0, 0, 0), id="nothing on both sides"),
        pytest.param(side([BOX]), side([BOX]), (1, 1, 0), id="the same"),
        pytest.param(side([]), side([BOX]), (1, 0, 1), id="a confident one missed"),
        pytest.param(side([]), side([BOX], scores=[0.4]), (1, 0, 0), id="an unsure one missed"),
        pytest.param(side([BOX]), side([]), (0, 0, 0), id="one too many"),
        pytest.param(side([BOX], classes=[1]), side([BOX]), (1, 0, 1), id="another class"),
        pytest.param(side([[50, 10, 70, 40]]), side([BOX]), (1, 0, 1), id="elsewhere"),
        pytest.param(side([BOX]), side([BOX, BOX]), (2, 1, 1), id="one for two"),
        pytest.param(side([[5, 5, 5, 5]]), side([[5, 5, 5, 5]]), (1, 0, 1), id="without area"),
    ],
)
def test_counts(found, expected, numbers):
    result = agreement([found], [expected], precision="bf16")
    assert (result.detections, result.found_again, result.missed_confident) == numbers


def test_says_how_far_counterparts_are():
    found = side([[10, 11, 30, 40], [60, 60, 90, 90]], scores=[0.8, 0.9], masks=[mask(6), mask(8)])
    expected = side([[60, 60, 90, 90.5], BOX], scores=[0.9, 0.85], masks=[mask(8), mask(8)])
    result = agreement([found], [expected], precision="fast")
    assert result.largest_box_difference_px == 1
    assert result.largest_score_difference == pytest.approx(0.05)
    assert (result.median_mask_iou, result.smallest_mask_iou) == (0.875, 0.75)
    assert result.sentence() == (
        "fast beside exact: 2 of 2 detections found again, boxes within 1 px, scores within 0.05, "
        "mask IoU 0.8750 in the median and 0.7500 at least"
    )


def test_of_segmentations_pixels_are_counted():
    logits = np.stack([np.ones((2, 2)), np.zeros((2, 2))])
    other = logits.copy()
    other[1, 0, 0] = 2
    result = agreement([{"sem_seg": other}], [{"sem_seg": logits}], precision="bf16")
    assert result.same_pixels == 0.75
    assert "75.00% of segmented pixels alike" in result.sentence()


SEGMENTS = [{"id": 1, "isthing": True, "category_id": 3}]
SEGMENTS.append({"id": 2, "isthing": False, "category_id": 3})


@pytest.mark.parametrize(
    ("ids", "segments", "same"),
    [
        pytest.param([1, 2, 0, 2], SEGMENTS, 1.0, id="the same"),
        pytest.param(
            [2, 1, 0, 1],
            [{**SEGMENTS[0], "id": 2}, {**SEGMENTS[1], "id": 1}],
            1.0,
            id="numbered the other way round",
        ),
        pytest.param([2, 2, 0, 2], SEGMENTS, 0.75, id="another class"),
        pytest.param([0, 0, 0, 0], [], 0.25, id="nothing"),
    ],
)
def test_panoptic_segments_are_compared_by_class(ids, segments, same):
    def panoptic(ids, segments):
        return {
            "panoptic_seg": np.array(ids).reshape(2, 2),
            "panoptic_segments": np.array(json.dumps(segments)),
        }

    expected = panoptic([1, 2, 0, 2], SEGMENTS)
    result = agreement([panoptic(ids, segments)], [expected], precision="bf16")
    assert result.same_pixels == same


def test_panoptic_deeplabs_ids_hold_the_class():
    def panoptic(ids):
        return {"panoptic_seg": np.array([ids]), "panoptic_segments": np.array("null")}

    result = agreement([panoptic([11001, -1])], [panoptic([11002, -1])], precision="bf16")
    assert result.same_pixels == 1.0


def test_rotated_boxes_and_empty_masks():
    rotated = side([])
    rotated["instances.pred_boxes"] = np.array([[20, 20, 10, 10, 45]], np.float32)
    rotated["instances.scores"] = np.ones(1, np.float32)
    rotated["instances.pred_classes"] = np.zeros(1, int)
    rotated["instances.pred_masks"] = np.zeros((1, 3, 3), bool)
    result = agreement([rotated], [rotated], precision="bf16")
    assert (result.found_again, result.median_mask_iou) == (1, 1.0)
