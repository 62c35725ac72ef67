"""Differences added up; what a rollout calls agreement is the same number."""

import numpy as np
import pytest

from client.compare.agreement import ClassName, Spread, agreement
from client.compare.differences import differences
from client.models.agreement import agreement as of_a_rollout
from tests.client.compare.material import compared, make_two


@pytest.fixture(params=[{}, {"masks": True}, {"keypoints": True}], ids=["boxes", "masks", "poses"])
def two(request, tmp_path):
    return make_two(tmp_path, 4, images=12, **request.param)


def test_is_the_agreement_of_a_rollout(two):
    old, new = list(two.old.values()), list(two.new.values())
    found = agreement(
        [differences(*pair, iou=0.5, score=0.5) for pair in zip(old, new, strict=True)]
    )
    theirs = of_a_rollout(old, new, score=0.5)
    counts = found.total.counts
    assert (counts.old, counts.found_again) == (theirs.old, theirs.old_found_again)
    assert (counts.new, counts.found_before) == (theirs.new, theirs.new_found_before)
    assert counts.agreement == theirs.share
    assert 0.3 < counts.agreement < 0.95


def test_everything_is_counted_once(two):
    found = compared(two, judged=False).agreement
    counts = found.total.counts
    assert counts.old == counts.found_again + counts.changed + counts.only_old
    assert counts.new == counts.found_before + counts.changed + counts.only_new
    assert counts.changed > 0
    for name in ("old", "new", "found_again", "changed", "only_old", "only_new"):
        each = [getattr(group.counts, name) for group in found.classes.values()]
        assert sum(each) == getattr(counts, name), name
    assert found.changes.sum() == len([cell for image in found.cells for cell in image])
    assert found.changes[:-1, :-1].trace() == found.total.overlaps["box"].values.size
    assert found.changes[-1, :-1].sum() == counts.only_new
    assert found.changes[:-1, -1].sum() == counts.only_old
    off_diagonal = found.changes[:-1, :-1].sum() - found.changes[:-1, :-1].trace()
    assert off_diagonal == counts.changed


def test_a_class_that_becomes_another_is_the_old_class_changed():
    box = [0, 0, 9, 9]
    cat = {"predictions": [{"class_name": "cat", "score": 0.9, "box": box}]}
    dog = {"predictions": [{"class_name": "dog", "score": 0.9, "box": box}]}
    found = agreement([differences(cat, dog, iou=0.5, score=0.5)])
    old, new = (found.classes[ClassName("predictions", name)].counts for name in ("cat", "dog"))
    assert (old.old, old.changed, old.new) == (1, 1, 0)
    assert (new.old, new.changed, new.new) == (0, 0, 1)
    assert found.changes.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert found.total.counts.agreement == 0


def test_nothing_counts_on_either_side():
    found = agreement([differences({"predictions": []}, {"predictions": []}, iou=0.5, score=0.5)])
    assert np.isnan(found.total.counts.agreement)
    assert found.total.overlaps == {}
    shifts = found.total.shifts.of_shifts()
    assert shifts.pop("count") == 0
    assert all(np.isnan(value) for value in shifts.values())


def test_spread():
    shifts = Spread(np.array([-0.4, -0.1, 0.0, 0.1, 0.2])).of_shifts()
    assert shifts["median"] == 0.0
    assert shifts["median_size"] == 0.1
    assert shifts["largest_size"] == 0.4
    assert (shifts["lowest"], shifts["highest"], shifts["count"]) == (-0.4, 0.2, 5)
    overlaps = Spread(np.linspace(0, 1, 101)).of_overlaps()
    assert overlaps == pytest.approx(
        {"count": 101, "median": 0.5, "p10": 0.1, "p5": 0.05, "p1": 0.01, "lowest": 0}
    )
