import json

import numpy as np
import pytest
import supervision

from client.predictions import Predictions
from handler.formats.native import encode_native
from tests.handler.formats.answers import instances


def read(answered) -> Predictions:
    return Predictions.from_native(json.loads(encode_native(answered)))


@pytest.mark.parametrize("count", [0, 1, 5], ids=["nothing", "one", "some"])
@pytest.mark.parametrize("masks", [True, False], ids=["masks", "boxes alone"])
def test_is_what_their_annotators_take(count, masks):
    found = read(instances(count, masks=masks))
    theirs = found.to_supervision()
    assert isinstance(theirs, supervision.Detections)
    assert len(theirs) == count
    np.testing.assert_array_equal(theirs.xyxy, found.boxes_xyxy)
    np.testing.assert_array_equal(theirs.confidence, found.scores)
    np.testing.assert_array_equal(theirs.class_id, found.class_ids)
    assert theirs["class_name"].tolist() == list(found.class_names)
    assert (theirs.mask is not None) == masks
    picture = np.zeros((*found.size_hw, 3), np.uint8)
    annotators = [supervision.BoxAnnotator(), supervision.LabelAnnotator()]
    if masks and count:
        np.testing.assert_array_equal(theirs.mask, found.masks)
        annotators.append(supervision.MaskAnnotator())
    for annotator in annotators:
        picture = annotator.annotate(picture, theirs)
    assert picture.any() == (count > 0)


def test_an_image_of_one_pixel():
    theirs = read(instances(1, masks=True, size_hw=(1, 1))).to_supervision()
    assert theirs.mask.shape == (1, 1, 1)


def test_some_of_them_can_be_taken():
    theirs = read(instances(5, masks=True)).to_supervision()
    assert len(theirs[theirs.class_id == 0]) == 2


def test_shares_no_memory():
    found = read(instances(2, masks=True))
    theirs = found.to_supervision()
    theirs.xyxy[:], theirs.mask[:] = 0, False
    assert found.boxes_xyxy.any()
    assert found.masks.any()
