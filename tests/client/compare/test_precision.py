"""AP of two versions: the numbers are those of an evaluation, the intervals those of resamples."""

from dataclasses import replace

import numpy as np
import pytest

from client.compare.precision import compare_precision
from client.evaluate.judging import Settings
from client.evaluate.precision import mean_ap
from tests.client.compare.material import evaluated, make_two

COUNT = 120


@pytest.fixture
def two(tmp_path):
    return make_two(tmp_path, 3, images=12, masks=True)


def test_numbers_are_those_of_both_evaluations(two):
    old, new = evaluated(two.dataset, two.old), evaluated(two.dataset, two.new)
    found = compare_precision(old, new, count=COUNT)
    assert list(found.metrics) == ["bbox", "segm"]
    for task, metrics in found.metrics.items():
        assert {name: one.old for name, one in metrics.items()} == old.ap[task]
        assert {name: one.new for name, one in metrics.items()} == new.ap[task]
        classes = found.classes[task]
        assert {id_: one.new for id_, one in classes.items()} == new.class_ap[task]
        ap = metrics["AP"]
        assert ap.difference == ap.new - ap.old < 0
        assert ap.interval.low < ap.difference < ap.interval.high
        assert [name for name, one in metrics.items() if one.interval] == ["AP", "AP50", "AP75"]
        for one in classes.values():
            assert one.interval.low <= one.difference <= one.interval.high


def test_the_interval_is_of_differences_on_the_same_images(two):
    old, new = evaluated(two.dataset, two.old), evaluated(two.dataset, two.new)
    found = compare_precision(old, new, count=COUNT).metrics["bbox"]["AP"].interval
    random = np.random.default_rng(0)  # the chance of the module
    differences = [
        mean_ap(new.matches["bbox"], weights) - mean_ap(old.matches["bbox"], weights)
        for weights in random.multinomial(12, [1 / 12] * 12, COUNT).astype(float)
    ]
    expected = np.percentile(differences, [2.5, 97.5])
    assert [found.low, found.high] == pytest.approx(list(expected))


def test_a_version_beside_itself_differs_by_nothing(two):
    evaluation = evaluated(two.dataset, two.old)
    found = compare_precision(evaluation, evaluation, count=COUNT)
    by_class = [one for of_task in found.classes.values() for one in of_task.values()]
    by_metric = [one for of_task in found.metrics.values() for one in of_task.values()]
    for one in (*by_class, *by_metric):
        assert one.difference == 0 or np.isnan(one.old)
        if one.interval is not None:
            assert (one.interval.low, one.interval.high) == (0, 0)


def nothing(documents):
    return {id_: {**one, "predictions": []} for id_, one in documents.items()}


def without_masks(documents):
    return {
        id_: {
            **document,
            "predictions": [
                {key: value for key, value in one.items() if key != "mask"}
                for one in document["predictions"]
            ],
        }
        for id_, document in documents.items()
    }


def test_a_version_that_finds_nothing_has_lost_all_of_ap(two):
    old = evaluated(two.dataset, two.old)
    found = compare_precision(old, evaluated(two.dataset, nothing(two.old)), count=COUNT)
    assert (found.lost, found.gained) == ((), ())
    for task in ("bbox", "segm"):
        one = found.metrics[task]["AP"]
        assert one.new == 0
        assert one.difference == -old.ap[task]["AP"] < -5
        assert one.interval.high < 0


@pytest.mark.parametrize(
    ("strip_old", "strip_new", "lost", "gained"),
    [
        pytest.param(False, True, ("segm",), (), id="lost"),
        pytest.param(True, False, (), ("segm",), id="gained"),
        pytest.param(True, True, (), (), id="neither"),
    ],
)
def test_masks_that_only_one_answers_with(two, strip_old, strip_new, lost, gained):
    sides = [
        evaluated(two.dataset, without_masks(documents) if strip else documents)
        for documents, strip in ((two.old, strip_old), (two.new, strip_new))
    ]
    found = compare_precision(*sides, count=COUNT)
    assert list(found.metrics) == ["bbox"]
    assert (found.lost, found.gained) == (lost, gained)


def test_without_objects_nothing_is_defined(two):
    dataset = replace(two.dataset, annotations=())
    found = compare_precision(
        evaluated(dataset, two.old), evaluated(dataset, two.new), count=COUNT
    ).metrics["bbox"]["AP"]
    assert np.isnan([found.old, found.new, found.interval.low, found.interval.high]).all()


def test_another_least_overlap_changes_nothing_of_ap(two):
    sides = [
        evaluated(two.dataset, documents, Settings(iou=0.33)) for documents in (two.old, two.new)
    ]
    plain = [evaluated(two.dataset, documents) for documents in (two.old, two.new)]
    assert (
        compare_precision(*sides, count=COUNT).metrics
        == compare_precision(*plain, count=COUNT).metrics
    )
