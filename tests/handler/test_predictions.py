import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances, RotatedBoxes

from handler import predictions
from handler.predictions import PanopticIds, Predictions, Segment
from handler.run_masks import RunMasks

SIZE = (4, 6)


def instances(scores: list[float], *, masks: bool = True) -> Instances:
    count = len(scores)
    made = Instances(SIZE)
    made.pred_boxes = Boxes(torch.arange(4.0 * count).reshape(count, 4))
    made.scores = torch.tensor(scores)
    made.pred_classes = torch.arange(count)
    if masks:
        made.pred_masks = torch.zeros(count, *SIZE, dtype=torch.bool)
        for index in range(count):
            made.pred_masks[index, 0, index] = True
    return made


def read(**output) -> Predictions:
    return Predictions.from_output(output, size_hw=SIZE)


def test_best_score_comes_first_and_equal_ones_keep_their_order():
    objects = read(instances=instances([0.5, 0.9, 0.5, 0.7])).objects
    assert objects.class_ids.tolist() == [1, 3, 0, 2]
    assert objects.scores.tolist() == sorted(objects.scores.tolist(), reverse=True)
    assert objects.boxes_xyxy[:, 0].tolist() == [4.0, 12.0, 0.0, 8.0]
    assert objects.masks[:, 0].argmax(axis=1).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("scores", [[], [0.5, 0.9, 0.5]], ids=["nothing", "three"])
def test_masks_on_a_gpu_are_encoded_there(scores, monkeypatch):
    made = instances(scores)
    expected = read(instances=made).objects
    monkeypatch.setattr(predictions, "_is_on_gpu", lambda tensor: True)
    objects = read(instances=made).objects
    assert isinstance(objects.masks, RunMasks)
    np.testing.assert_array_equal(list(objects.masks), list(expected.masks))
    assert made.has("pred_masks")  # the network's own output is as it was


def test_reads_an_image_without_instances():
    objects = read(instances=instances([])).objects
    assert len(objects) == 0
    assert objects.boxes_xyxy.shape == (0, 4)
    assert objects.masks.shape == (0, *SIZE)


def test_a_model_without_masks_has_none():
    predictions = read(instances=instances([0.5], masks=False))
    assert predictions.objects.masks is None
    assert predictions.size_hw == SIZE


def test_keeps_the_types():
    objects = read(instances=instances([0.5])).objects
    assert objects.boxes_xyxy.dtype == objects.scores.dtype == np.float32
    assert (objects.class_ids.dtype, objects.masks.dtype) == (np.int64, np.bool_)


def test_a_model_of_something_else_has_no_instances():
    predictions = read(sem_seg=torch.zeros(3, *SIZE))
    assert len(predictions.objects) == 0


def test_reads_keypoints():
    given = instances([0.1, 0.9])
    given.pred_keypoints = torch.arange(12.0).reshape(2, 2, 3)
    assert read(instances=given).objects.keypoints[0, 0].tolist() == [6, 7, 8]


@pytest.mark.parametrize(
    ("rotated", "upright"),
    [
        pytest.param([10, 20, 4, 2, 0], [8, 19, 12, 21], id="not turned"),
        pytest.param([10, 20, 4, 2, 90], [9, 18, 11, 22], id="a quarter"),
        pytest.param([10, 20, 4, 2, -180], [8, 19, 12, 21], id="half"),
        pytest.param(
            [0, 0, 2, 2, 45], [-1.41421356, -1.41421356, 1.41421356, 1.41421356], id="an eighth"
        ),
    ],
)
def test_rotated_boxes_come_with_the_upright_ones_around_them(rotated, upright):
    given = Instances(SIZE)
    given.pred_boxes = RotatedBoxes(torch.tensor([rotated], dtype=torch.float32))
    given.scores = torch.tensor([0.5])
    given.pred_classes = torch.tensor([0])
    objects = read(instances=given).objects
    assert objects.rotated_boxes.tolist() == [rotated]
    np.testing.assert_allclose(objects.boxes_xyxy, [upright], atol=1e-5)


def test_masks_without_boxes_get_the_boxes_around_them():
    given = Instances(SIZE)
    given.scores = torch.tensor([0.5, 0.4])
    given.pred_classes = torch.tensor([0, 0])
    given.pred_masks = torch.zeros(2, *SIZE)
    given.pred_masks[0, 1:3, 2:5] = 1
    assert read(instances=given).objects.boxes_xyxy.tolist() == [[2, 1, 5, 3], [0, 0, 0, 0]]


def test_reads_proposals_best_first():
    given = Instances(SIZE)
    given.proposal_boxes = Boxes(torch.tensor([[0.0, 0, 1, 1], [1.0, 1, 2, 2]]))
    given.objectness_logits = torch.tensor([-3.0, 2.0])
    proposals = read(proposals=given).proposals
    assert proposals.objectness.tolist() == [2, -3]
    assert proposals.boxes_xyxy[0].tolist() == [1, 1, 2, 2]


def test_reads_the_likeliest_class_of_each_pixel():
    logits = torch.zeros(3, *SIZE)
    logits[2, 0] = 1
    logits[1, 1] = 1
    assert read(sem_seg=logits).semantic[:, 0].tolist() == [2, 1, 0, 0]


def test_reads_listed_segments():
    segments = [
        {"id": 1, "isthing": True, "category_id": 5, "score": 0.5, "instance_id": 0},
        {"id": 2, "isthing": False, "category_id": 3, "area": 4.0},
    ]
    panoptic = read(panoptic_seg=(torch.ones(*SIZE, dtype=torch.int32), segments)).panoptic
    assert panoptic.segments == (Segment(1, True, 5, 0.5), Segment(2, False, 3))


def test_reads_segments_out_of_their_ids():
    ids = torch.tensor([[-1, 11001, 7000], [11002, 7000, -1]])
    panoptic = Predictions.from_output(
        {"panoptic_seg": (ids, None)},
        size_hw=(2, 3),
        panoptic_ids=PanopticIds(1000, frozenset({11})),
    ).panoptic
    assert panoptic.segments == (
        Segment(7000, False, 7),
        Segment(11001, True, 11),
        Segment(11002, True, 11),
    )


def test_segments_that_nobody_can_read():
    with pytest.raises(ValueError, match="how to read their ids"):
        read(panoptic_seg=(torch.zeros(*SIZE), None))
