"""A detection whose score is the limit counts, in every command: scores are float32."""

from typing import Any

import numpy as np
import pytest

from client.compare.differences import differences
from client.evaluate.dataset import Annotation
from client.evaluate.pairing import pair
from client.models.agreement import agreement
from client.predictions import Predictions

BOX = [0.0, 0.0, 10.0, 10.0]
LIMITS = [
    pytest.param(0.7, 0.7, 1, id="0.7, which is less as float32"),
    pytest.param(0.7, 0.9, 0, id="below"),
    pytest.param(0.6, 0.6, 1, id="0.6, which is more as float32"),
    pytest.param(0.7, 0.700000001, 1, id="the same float32"),
    pytest.param(float(np.float32(0.7)), 0.7, 1, id="written with all its digits"),
]


def answer(score: float) -> dict[str, Any]:
    """Of a server, which writes the shortest decimals of a float32."""
    return {
        "model": {"name": "pets", "version": "1.0"},
        "image": {"width": 20, "height": 20},
        "predictions": [{"class_id": 0, "class_name": "cat", "score": score, "box": BOX}],
    }


def above(score: float, limit: float) -> int:
    return len(Predictions.from_native(answer(score)).above(limit))


def evaluated(score: float, limit: float) -> int:
    results = Predictions.from_native(answer(score)).to_coco(1)
    objects = [Annotation(1, 1, 0, (0, 0, 10, 10), 100, False)]
    return len(pair(objects, results, iou=0.5, score=limit).pairs)


def compared(score: float, limit: float) -> int:
    one = answer(score)
    return len(differences(one, one, iou=0.5, score=limit).same)


def rolled_out(score: float, limit: float) -> int:
    one = answer(score)
    return agreement([one], [one], score=limit).old


@pytest.mark.parametrize(("score", "limit", "count"), LIMITS)
@pytest.mark.parametrize("command", [above, evaluated, compared, rolled_out])
def test_what_has_the_limit_counts(command, score, limit, count):
    assert command(score, limit) == count
