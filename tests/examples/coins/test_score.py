import numpy as np
import pytest

from examples.coins import score


def _squares(*corners_xy, side=10, size_hw=(40, 60)):
    masks = np.zeros((len(corners_xy), *size_hw), np.bool_)
    for mask, (x, y) in zip(masks, corners_xy, strict=True):
        mask[y : y + side, x : x + side] = True
    return masks


REFERENCE = _squares((0, 0), (20, 20))


@pytest.mark.parametrize(
    ("predicted", "scores", "expected"),
    [
        pytest.param(REFERENCE, [0.9, 0.8], (2, 0, 0), id="all hit"),
        pytest.param(REFERENCE[::-1], [0.9, 0.8], (2, 0, 0), id="in another order"),
        pytest.param(REFERENCE[:1], [0.9], (1, 1, 0), id="one missed"),
        pytest.param(_squares(), [], (0, 2, 0), id="no prediction"),
        pytest.param(_squares((40, 0)), [0.9], (0, 2, 1), id="false alarm"),
        pytest.param(_squares((0, 0), (1, 0)), [0.9, 0.8], (1, 1, 1), id="found twice"),
        pytest.param(_squares((6, 0)), [0.9], (0, 2, 1), id="overlaps too little"),
        pytest.param(_squares((3, 0)), [0.9], (1, 1, 0), id="overlaps enough"),
        pytest.param(np.zeros((1, 40, 60), np.bool_), [0.9], (0, 2, 1), id="empty mask"),
    ],
)
def test_counts(predicted, scores, expected):
    count = score.count_matches(REFERENCE, predicted, np.array(scores))

    assert (count.hits, count.misses, count.false_alarms) == expected
    assert len(count.ious) == 2


def test_the_most_confident_prediction_takes_the_object():
    predicted = _squares((1, 0), (0, 0))

    count = score.count_matches(REFERENCE[:1], predicted, np.array([0.9, 0.8]))

    assert count.ious == (pytest.approx(90 / 110),)


def test_nothing_to_find_and_nothing_found():
    count = score.count_matches(_squares(), _squares(), np.zeros(0))

    assert count == score.Count(0, 0, 0, ())
    assert "0 of 0 coins" in score.sentence(count)


def test_predictions_without_scores_are_refused():
    with pytest.raises(ValueError, match="2 masks and 1 scores"):
        score.count_matches(REFERENCE, REFERENCE, np.array([0.9]))


def test_overlap_of_shifted_squares():
    overlaps = score.pairwise_mask_iou(REFERENCE, _squares((5, 0), (20, 20), (50, 0)))

    assert overlaps == pytest.approx(np.array([[50 / 150, 0, 0], [0, 1, 0]]))


def test_a_missing_reference_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no reference masks"):
        score.load_reference(tmp_path / "none.json")


def test_the_reference_holds_24_separate_coins():
    masks = score.load_reference()

    assert masks.shape == (24, 303, 384)
    assert masks.any(axis=(1, 2)).all()
    assert masks.sum(axis=0).max() == 1
