"""AP is that of Detectron2's COCOEvaluator, and weights do what more images would."""

import json
import math
from dataclasses import fields, replace

import numpy as np
import pytest
from detectron2.structures import Instances
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from client.evaluate.matching import match
from client.evaluate.precision import ap_table, class_aps, mean_ap, precision_at_recalls
from client.evaluate.reading import read_dataset
from tests.client.evaluate.material import CATEGORY_IDS, NAMES, Material, make_material
from tests.client.evaluate.theirs import coco_evaluator

SIGMAS = tuple(0.02 + 0.01 * k for k in range(17))


def results_of(material: Material) -> list[dict]:
    return [
        result
        for image_id, predictions in material.predictions.items()
        for result in predictions.to_coco(image_id, CATEGORY_IDS)
    ]


def expected(material: Material, **options) -> dict[str, dict[str, float]]:
    instances: list[tuple[int, Instances]] = [
        (image_id, predictions.to_detectron2())
        for image_id, predictions in material.predictions.items()
    ]
    return coco_evaluator(
        material.annotations, instances, category_ids=CATEGORY_IDS, class_names=NAMES, **options
    )


def ours(material: Material, task: str, **options) -> dict[str, float]:
    dataset = read_dataset(material.annotations)
    found = match(dataset, results_of(material), task, **options)
    names = {category.id: category.name for category in dataset.categories}
    by_name = {f"AP-{names[id_]}": value for id_, value in class_aps(found).items()}
    return {**ap_table(found), **by_name}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("masks", "keypoints"),
    [
        pytest.param(False, False, id="boxes"),
        pytest.param(True, False, id="masks"),
        pytest.param(False, True, id="keypoints"),
    ],
)
def test_equals_coco_evaluator(seed, masks, keypoints, tmp_path):
    material = make_material(tmp_path, seed, masks=masks, keypoints=keypoints)
    theirs = expected(material)
    assert set(theirs) == {"bbox"} | ({"segm"} if masks else set()) | (
        {"keypoints"} if keypoints else set()
    )
    for task, numbers in theirs.items():
        assert ours(material, task) == pytest.approx(numbers, abs=1e-9, nan_ok=True)
        assert 5 < numbers["AP"] < 95


def test_equals_coco_evaluator_with_another_limit_of_detections(tmp_path):
    material = make_material(tmp_path, 1, images=12)
    crowded = {
        image_id: predictions.take(np.tile(np.arange(len(predictions)), 4))
        for image_id, predictions in material.predictions.items()
    }
    material = Material(material.annotations, crowded)
    theirs = expected(material, max_dets_per_image=12)["bbox"]
    assert ours(material, "bbox", max_detections=12) == pytest.approx(theirs, nan_ok=True)
    assert ours(material, "bbox", max_detections=10)["AP"] != theirs["AP"]


def test_equals_coco_evaluator_with_other_keypoint_sigmas(tmp_path):
    material = make_material(tmp_path, 2, keypoints=True)
    theirs = expected(material, kpt_oks_sigmas=SIGMAS)["keypoints"]
    assert ours(material, "keypoints", keypoint_sigmas=SIGMAS) == pytest.approx(theirs, nan_ok=True)
    assert ours(material, "keypoints")["AP"] != theirs["AP"]


def test_equals_coco_evaluator_on_some_of_the_images(tmp_path):
    material = make_material(tmp_path, 3)
    some = dict(list(material.predictions.items())[:5])
    evaluation = pycocotools_on(material, list(some))
    dataset = read_dataset(material.annotations)
    found = match(dataset, results_of(Material(material.annotations, some)), "bbox", image_ids=some)
    assert ap_table(found)["AP"] == pytest.approx(100 * evaluation.stats[0])


def test_further_thresholds_change_nothing_of_ap(tmp_path):
    material = make_material(tmp_path, 4)
    plain, more = (
        match(read_dataset(material.annotations), results_of(material), "bbox", also_at=also)
        for also in ((), (0.3, 0.5, 0.6))
    )
    assert len(plain.iou_thresholds) == 10
    assert len(more.iou_thresholds) == 11
    assert more.threshold_index(0.3) == 10
    assert ap_table(plain) == pytest.approx(ap_table(more), nan_ok=True)
    loose = precision_at_recalls(more)[more.threshold_index(0.3)]
    assert np.nanmean(loose) >= np.nanmean(precision_at_recalls(more)[0])


@pytest.mark.parametrize("task", ["bbox", "segm"])
def test_a_few_images_at_a_time_give_the_same_bits(task, tmp_path, monkeypatch):
    material = make_material(tmp_path, 7, images=11, masks=True)
    document = json.loads(material.annotations.read_text())
    document["images"].reverse()  # not by their ids
    material.annotations.write_text(json.dumps(document))
    dataset, results = read_dataset(material.annotations), results_of(material)
    whole = match(dataset, results, task)
    monkeypatch.setattr("client.evaluate.matching.IMAGES_AT_A_TIME", 3)
    pieces = match(dataset, results, task)
    assert pieces.image_ids == whole.image_ids == tuple(sorted(material.predictions))
    for row, other in zip(whole.cells, pieces.cells, strict=True):
        for one, same in zip(row, other, strict=True):
            for field in fields(one):
                assert np.array_equal(getattr(one, field.name), getattr(same, field.name))


def test_a_threshold_that_nothing_was_matched_at_is_refused(tmp_path):
    material = make_material(tmp_path, 4)
    found = match(read_dataset(material.annotations), results_of(material), "bbox")
    with pytest.raises(ValueError, match=r"Nothing was matched at IoU 0\.3"):
        found.threshold_index(0.3)


def test_a_model_that_finds_nothing_has_ap_0(tmp_path):
    material = make_material(tmp_path, 5)
    found = match(read_dataset(material.annotations), [], "bbox")
    # COCOEvaluator says NaN here, which no gate would catch.
    assert mean_ap(found) == 0
    assert set(class_aps(found).values()) == {0.0}


def test_a_class_without_objects_has_no_ap(tmp_path):
    material = make_material(tmp_path, 6, images=1)
    dataset = read_dataset(material.annotations)
    there = {annotation.category_id for annotation in dataset.annotations}
    absent = set(CATEGORY_IDS.values()) - there
    found = class_aps(match(dataset, results_of(material), "bbox"))
    assert absent
    assert {id_ for id_, value in found.items() if math.isnan(value)} == absent


def pycocotools_on(material: Material, image_ids: list[int]) -> COCOeval:
    truth = COCO(str(material.annotations))
    evaluation = COCOeval(truth, truth.loadRes(results_of(material)), "bbox")
    evaluation.params.imgIds = image_ids
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def test_the_same_bits_as_pycocotools_accumulates(tmp_path):
    material = make_material(tmp_path, 7, images=12)
    found = match(read_dataset(material.annotations), results_of(material), "bbox")
    theirs = pycocotools_on(material, list(material.predictions)).eval["precision"][..., -1]
    for position, area in enumerate(found.areas):
        precision = precision_at_recalls(found, area)
        assert np.array_equal(np.nan_to_num(precision, nan=-1), theirs[..., position])
    ones = np.ones(len(found.image_ids))
    assert np.array_equal(
        precision_at_recalls(found), precision_at_recalls(found, weights=ones), equal_nan=True
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_weight_is_so_many_copies_of_an_image(seed, tmp_path):
    material = make_material(tmp_path, seed)
    dataset = read_dataset(material.annotations)
    distinct = {
        image_id: with_distinct_scores(predictions, image_id)
        for image_id, predictions in material.predictions.items()
    }
    results = results_of(Material(material.annotations, distinct))
    found = match(dataset, results, "bbox")
    weights = np.random.default_rng(seed).integers(0, 4, len(found.image_ids)).astype(float)
    weighted = precision_at_recalls(found, weights=weights)
    copies = copied(found, weights)
    assert np.allclose(weighted, copies, rtol=0, atol=1e-12, equal_nan=True)
    assert not np.allclose(weighted, precision_at_recalls(found), equal_nan=True)


def with_distinct_scores(predictions, image_id):
    """Copies of an image have equal scores, whose order is then that of the copies."""
    scores = np.linspace(1, 0.1, len(predictions)) - image_id * 1e-5
    return replace(predictions, scores=np.asarray(scores, dtype=np.float32))


def copied(found, weights):
    """Precision of a data set in which images are there as often as their weights say."""

    def cell(one):
        times = weights[one.images].astype(int)
        return replace(
            one,
            scores=np.repeat(one.scores, times),
            images=np.repeat(one.images, times),
            found=np.repeat(one.found, times, axis=1),
            counted=np.repeat(one.counted, times, axis=1),
            object_counts=one.object_counts * weights[one.object_images].astype(np.int32),
        )

    cells = tuple(tuple(cell(one) for one in row) for row in found.cells)
    return precision_at_recalls(replace(found, cells=cells))
