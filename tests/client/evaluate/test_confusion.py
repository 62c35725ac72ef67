"""Pairs and the confusion matrix, held against every possible way to pair."""

import itertools

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from client.classes import Category
from client.evaluate.confusion import cells_of, confusion_matrix
from client.evaluate.dataset import Annotation
from client.evaluate.pairing import Pair, Pairing, pair

CATEGORIES = (Category(2, "cat"), Category(5, "dog"), Category(9, "bird"))


def annotation(category_id: int, *box_xywh: float, is_crowd: bool = False) -> Annotation:
    return Annotation(
        1, 1, category_id, box_xywh, box_xywh[2] * box_xywh[3], is_crowd=is_crowd
    )  # fmt: skip # short


def detection(category_id: int, score: float, *box_xywh: float) -> dict:
    return {"image_id": 1, "category_id": category_id, "score": score, "bbox": list(box_xywh)}


def iou(first, second, *, of_first: bool = False) -> float:
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = first[2] * first[3], second[2] * second[3]
    return shared / (areas[0] if of_first else sum(areas) - shared)


def counts(annotations, results, **how) -> np.ndarray:
    pairing = pair(annotations, results, **how)
    cells = cells_of(pairing, annotations, results, CATEGORIES)
    return confusion_matrix([cells], CATEGORIES).counts


def by_trying_everything(annotations, results, *, threshold: float, score: float) -> np.ndarray:
    """Of all ways to pair, the one whose pairs, best first, are the best.

    A pair is better than another where its classes are the same, or else where it overlaps more.
    """
    places = {category.id: position for position, category in enumerate(CATEGORIES)}
    said = [one for one in results if one["score"] >= score]
    objects = [one for one in annotations if not one.is_crowd]
    possible = [
        ((o.category_id == d["category_id"], iou(d["bbox"], o.box_xywh)), i, j)
        for i, o in enumerate(objects)
        for j, d in enumerate(said)
        if iou(d["bbox"], o.box_xywh) >= threshold
    ]
    best: tuple = ((), ())
    for size in range(len(possible) + 1):
        for chosen in itertools.combinations(possible, size):
            is_one_to_one = len({i for _, i, _ in chosen}) == len({j for _, _, j in chosen}) == size
            if is_one_to_one:
                quality = tuple(sorted((key for key, _, _ in chosen), reverse=True))
                best = max(best, (quality, chosen), key=lambda one: one[0])
    expected = np.zeros((4, 4), dtype=int)
    for _, i, j in best[1]:
        expected[places[objects[i].category_id], places[said[j]["category_id"]]] += 1
    for i, one in enumerate(objects):
        expected[places[one.category_id], 3] += i not in {i for _, i, _ in best[1]}
    for j, one in enumerate(said):
        in_crowd = any(
            crowd.is_crowd
            and crowd.category_id == one["category_id"]
            and iou(one["bbox"], crowd.box_xywh, of_first=True) >= threshold
            for crowd in annotations
        )
        is_paired = j in {j for _, _, j in best[1]}
        expected[3, places[one["category_id"]]] += not (is_paired or in_crowd)
    return expected


def made_up(seed: int):
    """A few objects that overlap one another, and detections near them."""
    random = np.random.default_rng(seed)
    boxes = np.concatenate([random.uniform(0, 30, (9, 2)), random.uniform(25, 45, (9, 2))], axis=1)
    classes = random.choice([2, 2, 5, 9], 9).tolist()
    split = int(random.integers(1, 5))
    annotations = [
        annotation(class_, *box, is_crowd=random.random() < 0.25)
        for class_, box in zip(classes[:split], boxes[:split].tolist(), strict=True)
    ]
    scores = np.sort(random.uniform(0, 1, 9 - split))[::-1].tolist()
    results = [
        detection(class_, score, *box)
        for class_, score, box in zip(classes[split:], scores, boxes[split:].tolist(), strict=True)
    ]
    return annotations, results


@pytest.mark.parametrize("threshold", [0.2, 0.4])
def test_equals_the_best_of_all_ways_to_pair(threshold):
    paired = confused = 0
    for seed in range(150):
        annotations, results = made_up(seed)
        found = counts(annotations, results, iou=threshold, score=0.3)
        expected = by_trying_everything(annotations, results, threshold=threshold, score=0.3)
        assert np.array_equal(found, expected), seed
        paired += np.trace(found)
        confused += found[:3, :3].sum() - np.trace(found)
    assert paired > 20
    assert confused > 10


@pytest.mark.parametrize("seed", range(10))
def test_every_object_is_in_its_row_and_every_detection_in_its_column(seed):
    annotations, results = made_up(seed)
    pairing = pair(annotations, results, iou=0.3, score=0.4)
    cells = cells_of(pairing, annotations, results, CATEGORIES)
    found = confusion_matrix([cells], CATEGORIES)
    said = [one for one in results if one["score"] >= 0.4]
    ignored = [results[index]["category_id"] for index in pairing.ignored]
    for position, category in enumerate(CATEGORIES):
        objects = [one for one in annotations if one.category_id == category.id]
        assert found.of(position).objects == sum(not one.is_crowd for one in objects)
        detections = sum(one["category_id"] == category.id for one in said)
        assert found.of(position).detections == detections - ignored.count(category.id)
    total = found.total
    assert total.objects == total.found + total.confused + total.missed
    assert total.detections == total.found + total.wrong + total.false_alarms
    assert total.confused == total.wrong


@pytest.mark.parametrize(
    ("annotations", "results", "expected"),
    [
        pytest.param([], [], Pairing((), (), (), ()), id="nothing there, nothing said"),
        pytest.param(
            [annotation(2, 0, 0, 10, 10)], [], Pairing((), (0,), (), ()), id="nothing said"
        ),
        pytest.param(
            [], [detection(2, 0.9, 0, 0, 10, 10)], Pairing((), (), (0,), ()), id="nothing there"
        ),
        pytest.param(
            [annotation(2, 0, 0, 10, 10)],
            [detection(5, 0.9, 0, 0, 10, 10), detection(2, 0.8, 0, 0, 10, 7)],
            Pairing((Pair(0, 1, 0.7),), (), (0,), ()),
            id="the same class goes first, whatever overlaps more",
        ),
        pytest.param(
            [annotation(2, 0, 0, 10, 10)],
            [detection(5, 0.9, 0, 0, 10, 10)],
            Pairing((Pair(0, 0, 1.0),), (), (), ()),
            id="another class is better than nothing",
        ),
        pytest.param(
            [annotation(2, 0, 0, 10, 10)],
            [detection(2, 0.9, 0, 0, 10, 10), detection(2, 0.8, 0, 0, 10, 10)],
            Pairing((Pair(0, 0, 1.0),), (), (1,), ()),
            id="an object is found once, by the surer of equals",
        ),
        pytest.param(
            [annotation(2, 0, 0, 10, 10)],
            [detection(2, 0.49, 0, 0, 10, 10)],
            Pairing((), (0,), (), ()),
            id="below the score",
        ),
        pytest.param(
            [annotation(2, 0, 0, 100, 100, is_crowd=True)],
            [detection(2, 0.9, 5, 5, 10, 10), detection(2, 0.8, 50, 5, 10, 10)],
            Pairing((), (), (), (0, 1)),
            id="a crowd takes any number, and is never missed",
        ),
        pytest.param(
            [annotation(2, 0, 0, 100, 100, is_crowd=True)],
            [detection(5, 0.9, 5, 5, 10, 10)],
            Pairing((), (), (0,), ()),
            id="a crowd of another class excuses nothing",
        ),
        pytest.param(
            [annotation(2, 0, 0, 10, 10), annotation(2, 0, 0, 100, 100, is_crowd=True)],
            [detection(2, 0.9, 0, 0, 10, 10)],
            Pairing((Pair(0, 0, 1.0),), (), (), ()),
            id="an object before the crowd around it",
        ),
    ],
)
def test_pairs(annotations, results, expected):
    assert pair(annotations, results, iou=0.5, score=0.5) == expected


def test_masks_pair_by_their_pixels():
    left, right = rle(slice(0, 5)), rle(slice(5, 10))
    objects = [Annotation(1, 1, 2, (0, 0, 10, 10), 50, is_crowd=False, rle=left)]
    results = [{**detection(2, 0.9, 0, 0, 10, 10), "segmentation": right}]
    assert pair(objects, results, iou=0.5, score=0.5).missed == ()
    assert pair(objects, results, iou=0.5, score=0.5, by="masks").missed == (0,)


def rle(columns: slice):
    mask = np.zeros((10, 10), dtype=np.uint8, order="F")
    mask[:, columns] = 1
    found = coco_mask.encode(mask)
    return {"size": [10, 10], "counts": found["counts"].decode("ascii")}


def test_precision_recall_and_f1_of_a_class():
    counts_of_cats = confusion_matrix(
        [[(0, 0), (0, 0), (0, 0), (0, 1), (0, 3), (3, 0), (1, 0)]], CATEGORIES
    ).of(0)
    assert counts_of_cats.recall == 3 / 5
    assert counts_of_cats.precision == 3 / 5
    assert counts_of_cats.f1 == pytest.approx(3 / 5)
    nothing = confusion_matrix([[]], CATEGORIES).of(0)
    assert [np.isnan(value) for value in (nothing.precision, nothing.recall, nothing.f1)] == [1] * 3
