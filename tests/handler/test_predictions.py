import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from handler.predictions import Predictions


def instances(scores: list[float], *, masks: bool = True) -> Instances:
    count = len(scores)
    made = Instances((4, 6))
    made.pred_boxes = Boxes(torch.arange(4.0 * count).reshape(count, 4))
    made.scores = torch.tensor(scores)
    made.pred_classes = torch.arange(count)
    if masks:
        made.pred_masks = torch.zeros(count, 4, 6, dtype=torch.bool)
        for index in range(count):
            made.pred_masks[index, 0, index] = True
    return made


def test_best_score_comes_first_and_equal_ones_keep_their_order():
    predictions = Predictions.from_instances(instances([0.5, 0.9, 0.5, 0.7]))
    assert predictions.class_ids.tolist() == [1, 3, 0, 2]
    assert predictions.scores.tolist() == sorted(predictions.scores.tolist(), reverse=True)
    assert predictions.boxes_xyxy[:, 0].tolist() == [4.0, 12.0, 0.0, 8.0]
    assert predictions.masks is not None
    assert predictions.masks[:, 0].argmax(axis=1).tolist() == [1, 3, 0, 2]


def test_reads_an_image_without_instances():
    predictions = Predictions.from_instances(instances([]))
    assert len(predictions) == 0
    assert predictions.boxes_xyxy.shape == (0, 4)
    assert predictions.masks is not None
    assert predictions.masks.shape == (0, 4, 6)


def test_a_model_without_masks_has_none():
    predictions = Predictions.from_instances(instances([0.5], masks=False))
    assert predictions.masks is None
    assert predictions.size_hw == (4, 6)


def test_keeps_the_types():
    predictions = Predictions.from_instances(instances([0.5]))
    assert predictions.boxes_xyxy.dtype == predictions.scores.dtype == np.float32
    assert predictions.class_ids.dtype == np.int64
