"""F1 over the score, held against counting."""

from dataclasses import replace

import numpy as np
import pytest

from client.evaluate.matches import ClassMatches
from client.evaluate.matching import match
from client.evaluate.reading import read_dataset
from client.evaluate.thresholds import (
    SCORES,
    class_curves,
    overall_curve,
    score_curve,
    threshold_text,
)
from tests.client.evaluate.material import CATEGORY_IDS, make_material


def cell(scores, found, *, objects: int, counted=None) -> ClassMatches:
    return ClassMatches(
        np.array(scores, dtype=np.float64),
        np.zeros(len(scores), dtype=np.int32),
        np.array([found], dtype=np.bool_),
        np.array([[True] * len(scores) if counted is None else counted], dtype=np.bool_),
        np.zeros(1, dtype=np.int32),
        np.array([objects], dtype=np.int32),
    )


def counted_f1(scores, found, objects, threshold) -> float:
    limit = np.float32(threshold)
    accepted = [hit for score, hit in zip(scores, found, strict=True) if np.float32(score) >= limit]
    return 2 * sum(accepted) / (len(accepted) + objects)


@pytest.mark.parametrize("seed", range(5))
def test_equals_counting(seed):
    random = np.random.default_rng(seed)
    scores = np.sort(random.uniform(0, 1, 30).round(1))[::-1]
    found = random.random(30) < scores
    curve = score_curve([cell(scores, found, objects=25)], 0)
    expected = [counted_f1(scores, found, 25, threshold) for threshold in SCORES]
    assert curve.f1_at() == pytest.approx(expected)
    best = curve.best()
    assert best.f1 == pytest.approx(max(counted_f1(scores, found, 25, one) for one in scores))
    assert best.f1 == pytest.approx(counted_f1(scores, found, 25, best.score))
    assert best.f1 == pytest.approx(
        2 * best.precision * best.recall / (best.precision + best.recall)
    )


@pytest.mark.parametrize(
    ("of_class", "expected"),
    [
        pytest.param(cell([], [], objects=3), None, id="nothing found"),
        pytest.param(cell([0.9], [False], objects=3), None, id="nothing right"),
        pytest.param(cell([0.9, 0.2], [True, True], objects=2), 0.2, id="all right: the lowest"),
        pytest.param(cell([0.9, 0.2], [True, False], objects=1), 0.9, id="the first alone"),
        pytest.param(
            cell([0.9, 0.5, 0.5], [True, True, False], objects=3),
            0.5,
            id="equal scores go together",
        ),
        pytest.param(
            cell([0.9, 0.5], [True, False], objects=1, counted=[True, False]),
            0.9,
            id="in a crowd",
        ),
    ],
)
def test_the_best_threshold(of_class, expected):
    best = score_curve([of_class], 0).best()
    assert (best and best.score) == expected


@pytest.mark.parametrize(
    ("scores", "rounded", "text"),
    [
        pytest.param([0.6176, 0.6], 0.617, "0.617", id="down"),
        pytest.param([0.6176, 0.6172], 0.6176, "0.6176", id="where three decimals accept another"),
        pytest.param([0.61767, 0.6176], 0.61767, "0.61767", id="five decimals"),
        pytest.param([0.61767, 0.617], 0.6176, "0.6176", id="four of five decimals"),
        pytest.param([0.7, 0.5], 0.7, "0.700", id="what float32 does not have"),
        pytest.param([0.7, 0.6999999], 0.7, "0.700", id="the next float32 but one"),
        pytest.param([1.0, 0.99999994], 1.0, "1.000", id="one, and the float32 below"),
        pytest.param([0.0004], 0.0, "0.000", id="nothing below"),
        pytest.param([1e-6, 1e-7], 1e-6, "0.000001", id="small"),
    ],
)
def test_the_threshold_for_people_accepts_the_same(scores, rounded, text):
    exact = np.float32(scores).astype(np.float64)
    best = score_curve([cell(exact, [True] + [False] * (len(scores) - 1), objects=1)], 0).best()
    assert (best.score, best.rounded, threshold_text(best.rounded)) == (exact[0], rounded, text)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_printed_gives_the_f1_beside_it(seed, tmp_path):
    material = make_material(tmp_path, seed, crowds=False)
    random = np.random.default_rng(seed)
    said = {
        image_id: replace(one, scores=np.sort(random.random(len(one), np.float32))[::-1] / 50 + 0.6)
        for image_id, one in material.predictions.items()
    }
    dataset = read_dataset(material.annotations)

    def f1(predictions) -> float:
        """Of all detections, however low their scores."""
        results = [
            result
            for image_id, one in predictions.items()
            for result in one.to_coco(image_id, CATEGORY_IDS)
        ]
        curve = overall_curve(match(dataset, results, "bbox"), 0.5)
        return float(curve.f1[-1])

    results = [
        result for image_id, one in said.items() for result in one.to_coco(image_id, CATEGORY_IDS)
    ]
    best = overall_curve(match(dataset, results, "bbox"), 0.5).best()
    for limit in (best.score, best.rounded, float(threshold_text(best.rounded))):
        above = {image_id: one.above(limit) for image_id, one in said.items()}
        assert f1(above) == best.f1


def test_a_class_without_objects_has_no_curve():
    assert score_curve([cell([0.9], [False], objects=0)], 0) is None


def test_all_classes_together_count_as_one(tmp_path):
    material = make_material(tmp_path, 3)
    results = [
        result
        for image_id, predictions in material.predictions.items()
        for result in predictions.to_coco(image_id, CATEGORY_IDS)
    ]
    matches = match(read_dataset(material.annotations), results, "bbox", also_at=(0.4,))
    curves = class_curves(matches, 0.4)
    assert set(curves) == set(CATEGORY_IDS.values())
    together = overall_curve(matches, 0.4)
    objects = sum(int(row[0].objects()) for row in matches.cells)
    right = sum(row[0].found[10].sum() for row in matches.cells)
    assert together.recall[-1] == right / objects
