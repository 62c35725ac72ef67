"""F1 over the score, held against counting."""

import numpy as np
import pytest

from client.evaluate.matches import ClassMatches
from client.evaluate.matching import match
from client.evaluate.reading import read_dataset
from client.evaluate.thresholds import SCORES, class_curves, overall_curve, score_curve
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
    accepted = [hit for score, hit in zip(scores, found, strict=True) if score >= threshold]
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
