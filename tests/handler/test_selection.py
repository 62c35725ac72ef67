import numpy as np
import pytest

from handler.options import Options
from handler.predictions import Objects, Predictions
from handler.selection import select


def predictions(scores, class_ids) -> Predictions:
    count = len(scores)
    return Predictions(
        size_hw=(4, 4),
        objects=Objects(
            boxes_xyxy=np.arange(4.0 * count, dtype=np.float32).reshape(count, 4),
            scores=np.array(scores, np.float32),
            class_ids=np.array(class_ids, np.int64),
            masks=np.zeros((count, 4, 4), bool),
        ),
        semantic=np.zeros((4, 4), np.int64),
    )


GIVEN = predictions([0.9, 0.7, 0.5], [0, 1, 0])


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (Options(), [0, 1, 2]),
        (Options(score_threshold=0.7), [0, 1]),  # 0.7 itself, as a float32, is not below 0.7
        (Options(score_threshold=1.0), []),
        (Options(max_detections=2), [0, 1]),
        (Options(max_detections=0), []),
        (Options(classes=frozenset({0})), [0, 2]),
        (Options(classes=frozenset()), []),
        (Options(classes=frozenset({0}), max_detections=1), [0]),
    ],
)
def test_leaves_out_what_was_not_asked_for(options, kept):
    selected = select(GIVEN, options)
    assert selected.objects.boxes_xyxy[:, 0].tolist() == [4.0 * index for index in kept]
    assert selected.objects.masks.shape == (len(kept), 4, 4)
    assert selected.semantic is GIVEN.semantic


def test_nothing_found_stays_nothing():
    selected = select(predictions([], []), Options(score_threshold=0.5, max_detections=3))
    assert len(selected.objects) == 0
