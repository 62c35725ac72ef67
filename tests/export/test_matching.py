import numpy as np
import pytest

from export.matching import Matching, Objects, match


def objects(*lefts: float, class_id: int = 0) -> Objects:
    """Squares of 10 px beside one another; scores fall from 0.9 by 0.1."""
    return Objects(
        np.array([[left, 5, left + 10, 15] for left in lefts], np.float32).reshape(-1, 4),
        0.9 - 0.1 * np.arange(len(lefts), dtype=np.float32),
        np.full(len(lefts), class_id),
    )


ROTATED = Objects(
    np.array([[20, 20, 10, 10, 45]], np.float32), np.ones(1, np.float32), np.zeros(1, int)
)


@pytest.mark.parametrize(
    ("found", "expected", "paired", "unpaired", "missed"),
    [
        pytest.param(objects(), objects(), 0, 0, 0, id="nothing on both sides"),
        pytest.param(objects(0, 20), objects(0, 20), 2, 0, 0, id="the same"),
        pytest.param(objects(0, 20), objects(20, 0), 2, 0, 0, id="the same in another order"),
        pytest.param(objects(0), objects(), 0, 1, 0, id="one too many"),
        pytest.param(objects(), objects(0, 20), 0, 2, 2, id="two missing"),
        pytest.param(objects(0), objects(0, 20), 1, 1, 1, id="the second missing, with 0.8"),
        # 0.9 to 0.6; 0.5 and 0.4 are not above 0.5
        pytest.param(objects(), objects(*range(0, 60, 10)), 0, 6, 4, id="unsure ones missing"),
        pytest.param(objects(0), objects(40), 0, 2, 1, id="somewhere else"),
        pytest.param(objects(0, class_id=1), objects(0), 0, 2, 1, id="something else"),
        pytest.param(objects(0, 1), objects(0), 1, 1, 0, id="two for one"),
        pytest.param(objects(0), objects(0, 0), 1, 1, 1, id="one for two"),
        pytest.param(ROTATED, ROTATED, 1, 0, 0, id="rotated"),
    ],
)
def test_objects_are_in_one_pair_at_most(found, expected, paired, unpaired, missed):
    result = match(found, expected)
    assert (result.paired, result.unpaired, result.missed_confident) == (paired, unpaired, missed)
    assert (result.expected, result.found) == (len(expected.scores), len(found.scores))


def test_those_that_overlap_most_are_counterparts():
    result = match(objects(2, 0), objects(0, 2))
    assert result.largest_box_px == 0
    assert result.largest_score == pytest.approx(0.1)


def test_distances_are_between_counterparts():
    result = match(objects(0, 21.5, 80), objects(0, 20, 40))
    assert (result.largest_box_px, result.largest_score) == (1.5, 0)


def test_masks_are_asked_for_by_their_positions():
    overlaps = {(0, 1): 0.5, (1, 0): 0.75}
    result = match(objects(0, 20), objects(20, 0), lambda *pair: overlaps[pair])
    assert sorted(result.mask_ious) == [0.5, 0.75]
    assert (result.least_mask_iou, result.median_mask_iou) == (0.5, 0.625)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(objects(), objects(), id="nothing there"),
        pytest.param(objects(0), objects(40), id="nothing paired"),
    ],
)
def test_without_pairs_no_overlap_is_said(found, expected):
    result = match(found, expected, lambda *_: 1.0)
    assert (result.least_mask_iou, result.median_mask_iou) == (None, None)


def test_matchings_add_up():
    overlap = [1.0, 0.25].__getitem__
    one = match(objects(0), objects(0, 20), lambda mine, _: overlap(mine))
    other = match(objects(0, 22), objects(0, 20), lambda mine, _: overlap(mine))
    assert one + other == Matching(
        expected=4,
        found=3,
        paired=3,
        missed_confident=1,
        largest_box_px=2.0,
        largest_score=0.0,
        mask_ious=(1.0, 1.0, 0.25),
    )
