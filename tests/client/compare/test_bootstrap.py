"""Resamples are data sets in which images are there as often as they were drawn."""

import copy
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from client.compare.bootstrap import (
    interval,
    resampled_aps,
    resampled_medians,
    resamples,
)
from client.evaluate.matching import match
from client.evaluate.precision import class_aps, mean_ap
from client.predictions import Predictions
from tests.client.compare.material import make_two
from tests.client.evaluate.material import CATEGORY_IDS


@pytest.fixture
def two(tmp_path):
    return make_two(tmp_path, 3, images=10, masks=True)


def results_of(documents):
    """With scores that are all different, as the order of equal ones is one of chance."""
    found = []
    for image_id, document in documents.items():
        results = Predictions.from_native(document).to_coco(image_id, CATEGORY_IDS)
        for rank, one in enumerate(results):
            found.append({**one, "score": 1 - 0.02 * rank - image_id * 1e-5})
    return found


@pytest.mark.parametrize("task", ["bbox", "segm"])
def test_equals_the_accumulation_of_an_evaluation(two, task):
    matches = match(two.dataset, results_of(two.old), task, also_at=(0.3,))
    (weights,) = resamples(len(matches.image_ids), 40)
    without_a_class = np.ones(len(matches.image_ids))
    without_a_class[matches.cells[0][0].object_images] = 0
    weights = np.vstack([weights, without_a_class])
    found = resampled_aps(matches, weights)
    assert found.shape == (41, 10, 3)
    for row, aps in zip(weights, found, strict=True):
        expected = class_aps(matches, row)
        assert 100 * aps.mean(axis=0) == pytest.approx(list(expected.values()), nan_ok=True)
        assert 100 * np.nanmean(aps) == pytest.approx(mean_ap(matches, row))
    assert set(np.isnan(found).nonzero()[0]) == {40}
    assert len(np.unique(found[~np.isnan(found)])) > 100


@pytest.mark.parametrize("task", ["bbox", "segm"])
def test_equals_pycocotools_on_images_that_are_there_several_times(two, task, tmp_path):
    results = results_of(two.new)
    matches = match(two.dataset, results, task)
    (weights,) = resamples(len(matches.image_ids), 6, seed=1)
    document = json.loads(two.dataset.path.read_text())
    for row, aps in zip(weights, resampled_aps(matches, weights), strict=True):
        times = dict(zip(matches.image_ids, row.astype(int).tolist(), strict=True))
        theirs = pycocotools_on_copies(document, results, times, task)
        assert np.nanmean(aps) == pytest.approx(theirs, abs=1e-12)


def pycocotools_on_copies(document, results, times, task):
    """AP of `COCOeval` on a data set with copies of images, under ids of their own."""
    copies = {"images": [], "annotations": [], "categories": document["categories"]}
    copied_results = []
    for image in document["images"]:
        for copy_number in range(times[image["id"]]):
            image_id = 1000 * image["id"] + copy_number
            copies["images"].append({**image, "id": image_id})
            copies["annotations"] += [
                {**one, "image_id": image_id, "id": 0}
                for one in document["annotations"]
                if one["image_id"] == image["id"]
            ]
            copied_results += [
                {**copy.deepcopy(one), "image_id": image_id}
                for one in results
                if one["image_id"] == image["id"]
            ]
    for number, one in enumerate(copies["annotations"], start=1):
        one["id"] = number
    if task == "segm":  # as COCOEvaluator does
        for one in copied_results:
            one.pop("bbox")
    truth = COCO()
    truth.dataset = copies
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(copied_results), task)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


def test_what_is_computed_in_pieces_is_the_same(two, monkeypatch):
    matches = match(two.dataset, results_of(two.old), "bbox")
    (whole,) = resamples(10, 30)
    expected = resampled_aps(matches, whole)
    values = np.arange(10.0)
    medians = resampled_medians(values, 30)
    monkeypatch.setattr("client.compare.bootstrap._ELEMENTS", 70)
    pieces = list(resamples(10, 30))
    assert [len(one) for one in pieces] == [7, 7, 7, 7, 2]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.array_equal(resampled_aps(matches, whole), expected, equal_nan=True)
    assert np.array_equal(resampled_medians(values, 30), medians)


def test_resamples_have_as_many_images_and_are_the_same_each_time():
    (weights,) = resamples(7, 500)
    assert weights.shape == (500, 7)
    assert set(weights.sum(axis=1)) == {7.0}
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
    (again,) = resamples(7, 500)
    assert np.array_equal(weights, again)
    (other,) = resamples(7, 500, seed=1)
    assert not np.array_equal(weights, other)


def test_without_objects_there_is_no_ap(two):
    nothing = replace(two.dataset, annotations=())
    matches = match(nothing, results_of(two.old), "bbox")
    (weights,) = resamples(len(matches.image_ids), 5)
    assert np.isnan(resampled_aps(matches, weights)).all()


def test_without_detections_ap_is_0(two):
    matches = match(two.dataset, [], "bbox")
    found = resampled_aps(matches, np.ones((2, len(matches.image_ids))))
    assert (found == 0).all()


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        pytest.param(np.linspace(0, 1, 1001), 0.025, 0.975, id="evenly"),
        pytest.param(np.zeros(50), 0.0, 0.0, id="always the same"),
        pytest.param(np.array([np.nan, 3.0, np.nan]), 3.0, 3.0, id="seldom defined"),
        pytest.param(np.array([np.nan]), np.nan, np.nan, id="never defined"),
    ],
)
def test_interval(values, low, high):
    found = interval(values)
    assert [found.low, found.high] == pytest.approx([low, high], nan_ok=True)


def test_the_interval_of_a_median_covers_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found = interval(resampled_medians(random.normal(1.2, 0.1, 60), 200))
        inside += found.low <= 1.2 <= found.high
    assert 0.9 <= inside / 200 <= 0.99


class Ended(Exception):
    pass


@pytest.mark.parametrize("what", ["AP", "times"])
def test_ends_between_any_two_parts(two, what, monkeypatch):
    monkeypatch.setattr("client.compare.bootstrap._ELEMENTS", 100)
    matches = match(two.dataset, results_of(two.old), "bbox")
    weights = np.ones((200, len(matches.image_ids)))
    left = iter(range(5))

    def step(sentence: str) -> None:
        assert sentence == f"resampling {what}"
        if next(left, None) is None:
            raise Ended

    compute = {
        "AP": partial(resampled_aps, matches, weights),
        "times": partial(resampled_medians, np.arange(10.0), 200),
    }
    with pytest.raises(Ended):
        compute[what](step=step)
