import json

import numpy as np
import pytest
from ts.utils.util import map_class_to_label

from handler.formats.torchserve import encode_torchserve
from handler.metadata import ClassInfo
from tests.handler.formats.answers import CLASSES, EVERY_KIND, instances, not_a_number


def object_detector(objects):
    """The loop of `ObjectDetector.postprocess`, on TorchServe's own function."""
    mapping = {str(index): one.name for index, one in enumerate(CLASSES)}
    answers = []
    for class_id, box, score in zip(
        objects.class_ids.tolist(),
        objects.boxes_xyxy.tolist(),
        objects.scores.tolist(),
        strict=True,
    ):
        answer = map_class_to_label([[box]], mapping, [[class_id]])[0]
        answer["score"] = score
        answers.append(answer)
    return answers


@pytest.mark.parametrize("given", EVERY_KIND)
def test_is_what_torchserves_object_detector_says(given):
    ours = json.loads(encode_torchserve(given))
    theirs = object_detector(given.predictions.objects)
    assert [list(one) for one in ours] == [list(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for key in one:
            assert np.float32(one[key]).tobytes() == np.float32(other[key]).tobytes()


def test_a_class_called_score_loses_its_box_as_in_torchserve():
    given = instances(1)
    object.__setattr__(given.metadata, "classes", (ClassInfo("score", (0, 0, 0)),))
    score = given.predictions.objects.scores[0]
    assert json.loads(encode_torchserve(given)) == [{"score": float(str(score))}]


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_torchserve(not_a_number(where))
