"""What an evaluation says of answers that are not what one expects, and which images are worst."""

import json
import math
import re
import weakref
from dataclasses import replace
from functools import partial

import pytest

from client.classes import Category
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.document import Origin, report
from client.evaluate.judging import Evaluation, ImageAnswer, Settings, judge
from client.evaluate.page import page
from client.evaluate.precision import precision_at_recalls
from client.evaluate.reading import read_dataset
from client.evaluate.terminal import summary
from client.report.page import render
from tests.client.evaluate.material import Material, answers_of, make_material

RLE = {"size": [10, 10], "counts": "0d3"}
"""All pixels."""


def annotation(id_: int, image_id: int, **changes) -> Annotation:
    one = Annotation(id_, image_id, 1, (0, 0, 10, 10), 100, is_crowd=False)
    return replace(one, **changes)


def dataset(tmp_path, *annotations: Annotation, images: int = 3) -> Dataset:
    entries = tuple(ImageEntry(k, f"{k}.png", (10, 10)) for k in range(images))
    categories = (Category(1, "cat"), Category(2, "dog"))
    return Dataset(tmp_path / "a.json", entries, categories, annotations)


def answered(data: Dataset, *results: dict) -> list[ImageAnswer]:
    of_image = {
        image: [one for one in results if one["image_id"] == image.id] for image in data.images
    }
    return [ImageAnswer(image, partial(list, said), 0.1) for image, said in of_image.items()]


def result(image_id: int, score: float = 0.9, *, category_id: int = 1, **more) -> dict:
    box = [0.0, 0.0, 10.0, 10.0]
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score, **more}


class Said(list):
    """Results that are counted as long as anybody has them."""

    there = 0

    def __init__(self, results) -> None:
        super().__init__(results)
        type(self).there += 1
        weakref.finalize(self, type(self).gone)

    @classmethod
    def gone(cls) -> None:
        cls.there -= 1


def test_answers_are_not_kept(tmp_path, monkeypatch):
    """Those of a large data set have more bytes than memory has."""
    monkeypatch.setattr("client.evaluate.matching.IMAGES_AT_A_TIME", 3)
    data = dataset(tmp_path, annotation(1, 0, rle=RLE), images=20)
    most = []

    def read(image_id: int) -> Said:
        found = Said([result(image_id, segmentation=RLE)])
        most.append(Said.there)
        return found

    answers = [ImageAnswer(image, partial(read, image.id), 0.1) for image in data.images]
    found = judge(data, answers, Settings(pair_by="masks"))
    assert len(found.images) == found.detections == 20
    assert max(most) <= 3 + 1  # and those that tell what is judged
    assert Said.there == 0
    assert sum(1 for _ in found.results()) == 20
    assert Said.there == 0


@pytest.mark.parametrize(
    ("pair_by", "expected"),
    [
        pytest.param("boxes", (0.9, (1, 0)), id="boxes"),
        pytest.param("masks", (None, (0, 1)), id="masks"),
    ],
)
def test_matrix_and_best_threshold_go_by_what_pairs(pair_by, expected, tmp_path):
    """A box that is right around a mask that is wrong."""
    half = {"size": [10, 10], "counts": "0b1b1"}
    other = {"size": [10, 10], "counts": "b1b1"}
    data = dataset(tmp_path, annotation(1, 0, rle=other), images=1)
    answers = answered(data, result(0, segmentation=half))
    found = judge(data, answers, Settings(pair_by=pair_by))
    document = report(found, Origin("m", "1", "2026-11-20T12:00:00+00:00", {}, "names", {}))
    best, (right, missed) = expected
    assert (document["total"]["found"], document["total"]["missed"]) == (right, missed)
    for one in (document["total"], document["classes"][0]):
        assert (one["best_threshold"] or {}).get("score") == best
    assert f"by {pair_by} of IoU 0.5 or more (--pair-by, --iou)" in summary(document)
    assert f"IoU 0.5 or more of {pair_by}." in render(page(found, document, {}, gallery=0))


@pytest.mark.parametrize(
    ("there", "said", "pair_by", "views"),
    [
        pytest.param({}, {}, "boxes", ["boxes"], id="boxes alone"),
        pytest.param({"masks": True}, {"masks": True}, "masks", ["masks", "boxes"], id="masks"),
        pytest.param({}, {"keypoints": True}, "boxes", ["boxes"], id="keypoints of one side"),
        pytest.param(
            {"keypoints": True},
            {"keypoints": True},
            "masks",
            ["boxes", "keypoints"],
            id="keypoints",
        ),
    ],
)
def test_curves_are_those_of_all_that_is_judged(there, said, pair_by, views, tmp_path):
    both = make_material(tmp_path, 3, keypoints=True, masks=True)
    document = json.loads(both.annotations.read_text())
    for one in document["annotations"]:
        if not there.get("masks"):
            del one["segmentation"]
        if not there.get("keypoints"):
            del one["keypoints"]
    both.annotations.write_text(json.dumps(document))
    names = {"masks": "mask_rles", "keypoints": "keypoints"}
    left_out = {field: None for name, field in names.items() if name not in said}
    predictions = {id_: replace(one, **left_out) for id_, one in both.predictions.items()}
    data = read_dataset(both.annotations)
    answers = answers_of(Material(both.annotations, predictions), data.images)
    found = judge(data, answers, Settings(iou=0.4, pair_by=pair_by))
    document = report(found, Origin("m", "1", "2026-11-20T12:00:00+00:00", {}, "names", {}))
    tasks = [task for task in document["curves"] if task not in ("recall", "score")]
    assert tasks == list(document["ap"]) == list(found.matches)
    by = found.paired_task
    assert [one["best_threshold"] for one in document["classes"]] == [
        one["best_threshold"] for one in document["curves"][by]
    ]
    for task in tasks:
        matches = found.matches[task]
        precision = precision_at_recalls(matches)[matches.threshold_index(0.4)]
        for position, one in enumerate(document["curves"][task]):
            assert one["precision"] == precision[:, position].tolist()
            assert len(one["f1"]) == len(document["curves"]["score"])
            assert max(one["f1"]) <= one["best_threshold"]["f1"] + 1e-12
    sections = page(found, document, {}, gallery=0).sections
    (plots,) = [one for one in sections if one.kind == "plots"]
    assert list(dict.fromkeys(one.view for one in plots.plots)) == views
    overlaps = {one.view: one.title.split()[2] for one in plots.plots if one.y_label == "precision"}
    assert overlaps == {view: "OKS" if view == "keypoints" else "IoU" for view in views}
    assert len(plots.plots) == 2 * len(views)


@pytest.mark.parametrize("labelled", [True, False])
def test_what_has_no_object_that_counts_has_no_curves(labelled, tmp_path):
    points = (5.0, 5.0, 2.0 if labelled else 0.0) * 17
    data = dataset(
        tmp_path,
        *(annotation(k, k, keypoints=points, num_keypoints=17 * labelled) for k in (1, 2)),
    )
    answers = answered(data, result(1, keypoints=[5.0, 5.0, 1.0] * 17))
    found = judge(data, answers, Settings())
    document = report(found, Origin("m", "1", "2026-11-20T12:00:00+00:00", {}, "names", {}))
    assert (document["curves"]["keypoints"][0]["f1"] is not None) == labelled
    (plots,) = [one for one in page(found, document, {}, gallery=0).sections if one.kind == "plots"]
    views = {one.view for one in plots.plots}
    assert views == ({"boxes", "keypoints"} if labelled else {"boxes"})


def test_masks_that_the_annotations_do_not_have_are_not_judged(tmp_path):
    data = dataset(tmp_path, annotation(1, 0))
    found = judge(
        data,
        answered(data, result(0, segmentation=RLE)),
        Settings(pair_by="masks"),
        notes=["before"],
    )
    assert list(found.matches) == ["bbox"]
    assert found.notes == (
        "before",
        "Not all objects of the annotations have masks: masks are not judged.",
        "There are no masks on both sides to pair by: boxes are paired instead.",
    )
    assert found.confusion.total.found == 1
    assert found.settings.pair_by == "boxes"


def test_masks_are_judged_where_all_objects_have_one(tmp_path):
    data = dataset(tmp_path, annotation(1, 0, rle=RLE))
    found = judge(data, answered(data, result(0, segmentation=RLE)), Settings(pair_by="masks"))
    assert found.ap["segm"]["AP"] == found.ap["bbox"]["AP"] == pytest.approx(100)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("there", "said", "sigmas", "note"),
    [
        pytest.param(17, 17, None, None, id="a person's"),
        pytest.param(2, 2, (0.1, 0.1), None, id="others, with sigmas"),
        pytest.param(2, 2, None, "the model has 2, .* have 2, and there are 17", id="no sigmas"),
        pytest.param(2, 3, (0.1,) * 3, "the model has 3, .* have 2, and there are 3", id="others"),
        pytest.param(0, 17, None, "have not all have as many or any", id="none there"),
    ],
)
def test_keypoints_are_judged_where_all_numbers_agree(there, said, sigmas, note, tmp_path):
    points = (5.0, 5.0, 2.0) * there
    data = dataset(tmp_path, annotation(1, 0, keypoints=points or None, num_keypoints=there))
    answers = answered(data, result(0, keypoints=[5.0, 5.0, 1.0] * said))
    found = judge(data, answers, Settings(keypoint_sigmas=sigmas))
    if note is None:
        assert found.ap["keypoints"]["AP"] == pytest.approx(100)
        assert found.notes == ()
    else:
        assert "keypoints" not in found.ap
        assert re.search(note, found.notes[0])
        assert "--keypoint-sigmas" in found.notes[0]


def test_says_that_rotated_boxes_are_judged_upright(tmp_path):
    data = dataset(tmp_path, annotation(1, 0))
    answers = answered(data, result(0, rotated_box=[5, 5, 10, 10, 0]))
    (note,) = judge(data, answers, Settings()).notes
    assert note.startswith("The model answers with rotated boxes. What is judged is the upright")


def test_says_that_nothing_was_found(tmp_path):
    data = dataset(tmp_path, annotation(1, 0))
    found = judge(data, answered(data), Settings())
    assert found.notes == ("The model found nothing: AP is 0.",)
    assert found.ap["bbox"]["AP"] == 0
    assert found.confusion.total.missed == 1


@pytest.mark.parametrize(
    ("scores", "is_said"),
    [
        pytest.param([0.7] * 10, True, id="all high"),
        pytest.param([0.9] * 9 + [0.055], False, id="as low as Detectron2's own threshold"),
        pytest.param([0.7] * 9, False, id="too few to tell"),
    ],
)
def test_says_that_a_score_threshold_lowers_ap(scores, is_said, tmp_path):
    data = dataset(tmp_path, annotation(1, 0))
    notes = judge(data, answered(data, *(result(0, one) for one in scores)), Settings()).notes
    assert bool(notes) == is_said
    assert not notes or "The lowest score of 10 detections is 0.7000" in notes[0]


@pytest.mark.parametrize(
    ("threshold", "scores", "is_said"),
    [
        pytest.param(0.5, [0.7] * 10, True, id="a high one"),
        pytest.param(0.5, [0.7], True, id="a high one, and few detections"),
        pytest.param(0.05, [0.7] * 10, False, id="Detectron2's own, and scores that are all high"),
        pytest.param(0.0, [0.7] * 10, False, id="none"),
    ],
)
def test_knows_the_threshold_that_the_model_says(threshold, scores, is_said, tmp_path):
    data = dataset(tmp_path, annotation(1, 0))
    answers = answered(data, *(result(0, score) for score in scores))
    notes = judge(data, answers, Settings(), model_threshold=threshold).notes
    assert bool(notes) == is_said
    assert not notes or "answers nothing with a score below 0.5, which its archive" in notes[0]


def test_images_without_an_answer_take_part_in_nothing(tmp_path):
    data = dataset(tmp_path, annotation(1, 0), annotation(2, 1))
    answers = answered(data, result(0))
    both = judge(data, answers, Settings())
    one = judge(data, [answers[0], answers[2]], Settings())
    assert both.ap["bbox"]["AP"] == pytest.approx(50, abs=1)
    assert one.ap["bbox"]["AP"] == pytest.approx(100)
    assert (both.confusion.total.objects, one.confusion.total.objects) == (2, 1)


def test_the_worst_images_come_first_and_good_ones_never(tmp_path):
    data = dataset(
        tmp_path,
        *(annotation(1, 0), annotation(2, 0, box_xywh=(0, 0, 2, 2)), annotation(3, 1)),
        images=5,
    )
    answers = answered(data, result(1), result(2, 0.6), result(3, 0.8), result(4, 0.4))
    worst = judge(data, answers, Settings()).worst(9)
    # Two misses; a false alarm that is surer than another; 1 is right, 4 below the score.
    assert [one.image.id for one in worst] == [0, 3, 2]
    assert [one.errors for one in worst] == [2, 1, 1]
    assert len(judge(data, answers, Settings()).worst(1)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_images_add_up_to_the_matrix(seed, tmp_path):
    material = make_material(tmp_path, seed, images=12)
    data = read_dataset(material.annotations)
    answers = answers_of(material, data.images)
    found: Evaluation = judge(data, answers, Settings(score=0.3))
    total = found.confusion.total
    for name in ("objects", "found", "confused", "missed", "false_alarms"):
        assert sum(getattr(one, name) for one in found.images) == getattr(total, name), name
    assert total.objects == sum(not one.is_crowd for one in data.annotations)
    assert total.confused > 0


def test_ids_of_images_may_be_texts(tmp_path):
    data = dataset(tmp_path)
    images = tuple(replace(image, id=f"image {image.id}") for image in data.images)
    data = replace(data, images=images, annotations=(annotation(1, "image 1"),))
    found = judge(data, answered(data, result("image 1")), Settings())
    assert found.ap["bbox"]["AP"] == pytest.approx(100)
    assert found.matches["bbox"].image_ids == ("image 0", "image 1", "image 2")


@pytest.mark.parametrize(
    "results", [[], [result(0, segmentation=RLE)]], ids=["nothing", "something"]
)
def test_images_without_any_object(results, tmp_path):
    data = dataset(tmp_path)
    found = judge(data, answered(data, *results), Settings())
    assert found.notes == ("No image that was judged has an object: AP is not defined.",)
    assert all(math.isnan(value) for value in found.ap["bbox"].values())
    assert found.confusion.total.false_alarms == len(results)
    origin = Origin("m", "1", "2026-11-20T12:00:00+00:00", {}, "names", {})
    document = report(found, origin)
    assert document["ap"]["bbox"]["AP"] is None
    assert summary(document).startswith("m 1 on a.json: 3 of 3 images, 0 objects")
    shown = page(found, document, {}, gallery=0)
    assert "AP is not defined" in render(shown)
    assert "plots" not in [one.kind for one in shown.sections]
