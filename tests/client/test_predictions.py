import json
from dataclasses import fields, replace

import numpy as np
import pytest

from client.predictions import Predictions, decode_rle
from handler.formats.native import encode_native
from tests.handler.formats.answers import EVERY_KIND, instances, panoptic, proposals, semantic


def read(answered) -> Predictions:
    return Predictions.from_native(json.loads(encode_native(answered)))


@pytest.mark.parametrize("answered", EVERY_KIND)
def test_reads_what_the_handler_writes(answered):
    given, found = answered.predictions.objects, read(answered)
    assert (found.model_name, found.model_version) == ("pets", "2.1")
    assert found.size_hw == answered.predictions.size_hw
    assert len(found) == len(given)
    names = [answered.metadata.class_of(one).name for one in given.class_ids.tolist()]
    assert list(found.class_names) == names
    assert found.class_ids.dtype == np.int64
    np.testing.assert_array_equal(found.class_ids, given.class_ids)
    np.testing.assert_array_equal(found.boxes_xyxy, given.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, given.scores)
    for ours, theirs in (
        (found.masks, given.masks),
        (found.keypoints, given.keypoints),
        (found.rotated_boxes, given.rotated_boxes),
    ):
        if theirs is None or (theirs is given.rotated_boxes and not len(given)):
            assert ours is None
        else:
            assert ours.dtype == theirs.dtype
            if len(given):
                np.testing.assert_array_equal(ours, theirs)


def test_shapes_where_nothing_was_found():
    found = read(instances(0, masks=True))
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.boxes_xyxy.dtype == found.scores.dtype == np.float32
    assert found.scores.shape == found.class_ids.shape == (0,)
    assert found.class_names == ()
    assert (found.masks.shape, found.masks.dtype) == ((0, *found.size_hw), np.bool_)
    assert found.mask_rles == ()
    assert found.keypoints is None
    assert read(instances(0, keypoints=True)).keypoints.shape == (0, 0, 3)
    assert list(found.masks) == []


@pytest.mark.parametrize("heads", [{}, {"rotated": True}], ids=["boxes alone", "rotated boxes"])
def test_what_an_answer_without_instances_does_not_have(heads):
    found = read(instances(0, **heads))
    assert (found.masks, found.keypoints, found.rotated_boxes) == (None, None, None)


def test_of_an_archive_that_does_not_tell_what_it_answers_with():
    for count in (0, 2):
        document = json.loads(encode_native(instances(count, masks=True)))
        del document["outputs"]
        assert (Predictions.from_native(document).masks is None) == (count == 0)


@pytest.mark.parametrize("count", [0, 3])
def test_proposals(count):
    answered = proposals(count)
    found = read(answered).proposals
    assert found.boxes_xyxy.shape == (count, 4)
    np.testing.assert_array_equal(found.boxes_xyxy, answered.predictions.proposals.boxes_xyxy)
    np.testing.assert_array_equal(found.objectness, answered.predictions.proposals.objectness)


def test_semantic_segments():
    answered = semantic()
    painted = np.full(answered.predictions.size_hw, -1)
    for segment in read(answered).semantic:
        assert (segment.is_thing, segment.id, segment.score) == (False, None, None)
        painted[decode_rle(segment.rle)] = segment.class_id
    np.testing.assert_array_equal(painted, answered.predictions.semantic)


def test_panoptic_segments():
    answered = panoptic(with_instances=True)
    found = read(answered).panoptic
    painted = np.full(answered.predictions.size_hw, -1)
    for segment in found:
        painted[decode_rle(segment.rle)] = segment.id
    np.testing.assert_array_equal(painted, answered.predictions.panoptic.segment_map)
    assert [(one.class_name, one.is_thing, one.score) for one in found] == [
        ("sky", False, None),
        ("cat", True, 0.75),
        ("cat", True, pytest.approx(0.1)),
    ]


def test_masks_are_decoded_once_and_not_before():
    found = read(instances(3, masks=True))
    assert "masks" not in vars(found)
    assert found.masks is found.masks
    assert found.masks.shape == (3, *found.size_hw)


@pytest.mark.parametrize(
    ("threshold", "left"),
    [
        pytest.param(0, 5, id="all"),
        pytest.param("the third's own", 3, id="a score itself is kept"),
        pytest.param(1.1, 0, id="none"),
    ],
)
def test_above_a_score(threshold, left):
    found = read(instances(5, masks=True, keypoints=True))
    score = float(found.scores[2]) if isinstance(threshold, str) else threshold
    assert len(found.above(score)) == left


def test_some_of_the_instances():
    found = replace(read(instances(4, masks=True, keypoints=True, rotated=True)), seconds={"x": 1})
    chosen = found.take(np.array([2, 0]))
    for field in fields(found):
        before, after = getattr(found, field.name), getattr(chosen, field.name)
        per_instance = isinstance(before, np.ndarray | tuple) and len(before) == 4
        if not per_instance:
            assert after == before
        elif isinstance(before, tuple):
            assert after == (before[2], before[0])
        else:
            np.testing.assert_array_equal(after, before[[2, 0]])
    np.testing.assert_array_equal(chosen.masks, found.masks[[2, 0]])


def test_nothing_taken_of_something():
    found = read(instances(4, masks=True)).take(np.array([], np.intp))
    assert found.masks.shape == (0, *found.size_hw)
    assert found.boxes_xyxy.shape == (0, 4)
