import json

import cv2
import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from pycocotools.coco import COCO

from examples.coins import dataset
from examples.coins.scenes import draw_scene

SIZE_HW = (48, 64)


@pytest.fixture
def coco_json(tmp_path):
    return dataset.write_scenes(tmp_path / "data", 12, seed=3, size_hw=SIZE_HW)


def test_the_file_holds_the_masks_that_were_drawn(coco_json, capsys):
    coco = COCO(str(coco_json))

    for number in (0, 7, 11):
        scene = draw_scene(np.random.default_rng((3, number)), SIZE_HW)
        image = coco.loadImgs([number + 1])[0]
        notes = coco.loadAnns(sorted(coco.getAnnIds(imgIds=[image["id"]])))
        assert np.array_equal(
            cv2.imread(str(coco_json.parent / image["file_name"])), scene.image_bgr
        )
        assert len(notes) == len(scene.masks)
        for note, mask in zip(notes, scene.masks, strict=True):
            assert np.array_equal(coco.annToMask(note), mask)
            assert note["area"] == mask.sum()


def test_boxes_are_tight_around_their_masks():
    mask = np.zeros((10, 20), np.bool_)
    mask[2:5, 7:13] = True

    assert dataset.coco_annotation(mask, 1, 1)["bbox"] == [7.0, 2.0, 6.0, 3.0]


def test_the_same_scenes_are_not_drawn_twice(coco_json):
    before = coco_json.stat().st_mtime_ns

    dataset.write_scenes(coco_json.parent, 12, seed=3, size_hw=SIZE_HW)
    assert coco_json.stat().st_mtime_ns == before

    dataset.write_scenes(coco_json.parent, 12, seed=4, size_hw=SIZE_HW)
    assert json.loads(coco_json.read_text())["info"]["seed"] == 4


@pytest.mark.parametrize(("count", "seed"), [(0, 1), (-3, 1), (5, -1)])
def test_impossible_numbers_are_refused(tmp_path, count, seed):
    with pytest.raises(ValueError, match="at least 1 scene"):
        dataset.write_scenes(tmp_path, count, seed)


def _images(path):
    return [image["id"] for image in json.loads(path.read_text())["images"]]


def test_a_split_covers_every_scene_once(coco_json):
    parts = dataset.split_scenes(coco_json, seed=1)

    ids = [image_id for path in parts.values() for image_id in _images(path)]
    assert sorted(ids) == list(range(1, 13))


def test_a_split_keeps_annotations_with_their_scenes(coco_json):
    parts = dataset.split_scenes(coco_json, seed=1)

    whole = len(json.loads(coco_json.read_text())["annotations"])
    notes = [
        note for path in parts.values() for note in json.loads(path.read_text())["annotations"]
    ]
    assert len(notes) == whole
    for path in parts.values():
        part = json.loads(path.read_text())
        assert {note["image_id"] for note in part["annotations"]} <= set(_images(path))


def test_a_split_depends_on_its_seed_alone(coco_json):
    first = _images(dataset.split_scenes(coco_json, seed=1)["train"])
    again = _images(dataset.split_scenes(coco_json, seed=1)["train"])
    other = _images(dataset.split_scenes(coco_json, seed=2)["train"])

    assert first == again != other


@pytest.mark.parametrize(
    "fractions",
    [
        pytest.param({"train": 0.8, "test": 0.3}, id="more than the whole"),
        pytest.param({"train": 0.5, "test": 0.3}, id="less than the whole"),
        pytest.param({"train": 1.2, "test": -0.2}, id="negative"),
        pytest.param({"train": 1.0, "test": 0.0}, id="zero"),
    ],
)
def test_shares_that_are_no_split_are_refused(coco_json, fractions):
    with pytest.raises(ValueError, match="add up to 1"):
        dataset.split_scenes(coco_json, 1, fractions)


def test_too_few_scenes_for_a_split_are_refused(tmp_path):
    coco_json = dataset.write_scenes(tmp_path, 3, seed=0, size_hw=SIZE_HW)

    with pytest.raises(ValueError, match="nothing is left for test"):
        dataset.split_scenes(coco_json, 1)


def test_registering_again_replaces_what_was_there(coco_json):
    parts = dataset.split_scenes(coco_json, seed=1)

    dataset.register({"train": parts["test"]})
    names = dataset.register(parts)

    assert names["train"] == "coins_train"
    assert len(DatasetCatalog.get("coins_train")) == len(_images(parts["train"]))
    assert MetadataCatalog.get("coins_train").thing_classes == list(dataset.CLASSES)
