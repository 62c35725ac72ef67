"""Annotation files: what is read, what is made up, and what is refused, all of it at once."""

import copy
import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from client.classes import Category
from client.errors import ClientError
from client.evaluate.dataset import ImageEntry
from client.evaluate.errors import BadMaterial
from client.evaluate.reading import read_dataset
from client.predictions import decode_rle
from tests.client.evaluate.material import make_material

GOOD = {
    "images": [{"id": 7, "file_name": "a/b.png", "height": 40, "width": 50}],
    "categories": [{"id": 4, "name": "dog"}, {"id": 2, "name": "cat"}],
    "annotations": [
        {
            "id": 3,
            "image_id": 7,
            "category_id": 2,
            "bbox": [1, 2, 30, 20],
            "area": 500.5,
            "iscrowd": 0,
            "segmentation": [[1, 2, 31, 2, 31, 22, 1, 22]],
        }
    ],
}


@pytest.fixture
def read(tmp_path):
    def read_(document):
        file = tmp_path / "annotations.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_dataset(file)

    return read_


def changed(*path, to, insert=False):
    """The good document with another value somewhere, or one more."""
    document = copy.deepcopy(GOOD)
    place = document
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    elif insert:
        place.insert(path[-1], to)
    else:
        place[path[-1]] = to
    return document


def test_reads_what_is_there(read):
    dataset = read(GOOD)
    assert dataset.images == (ImageEntry(7, "a/b.png", (40, 50)),)
    assert dataset.categories == (Category(2, "cat"), Category(4, "dog"))
    (annotation,) = dataset.annotations
    assert (annotation.box_xywh, annotation.area) == ((1, 2, 30, 20), 500.5)
    assert decode_rle(annotation.rle).sum() == 600
    assert dataset.notes == ()
    assert dataset.has_masks
    assert dataset.keypoint_count is None


@pytest.mark.parametrize("seed", range(3))
def test_masks_are_those_of_pycocotools(seed, tmp_path):
    material = make_material(tmp_path, seed)
    theirs = COCO(str(material.annotations))
    dataset = read_dataset(material.annotations)
    expected = json.loads(material.annotations.read_text())["annotations"]
    assert any(isinstance(one["segmentation"], dict) for one in expected)  # run lengths as well
    for annotation, one in zip(dataset.annotations, expected, strict=True):
        assert np.array_equal(decode_rle(annotation.rle), theirs.annToMask(one))


@pytest.mark.parametrize(
    ("document", "note"),
    [
        pytest.param(
            changed("annotations", 0, "area", to=None),
            "The annotations have no area, the mask's or box's was taken, for 1 of them.",
            id="no area",
        ),
        pytest.param(
            changed("annotations", 0, "area", to=-4),
            "The annotations have no area, the mask's or box's was taken, for 1 of them.",
            id="an area below 0",
        ),
        pytest.param(
            changed("annotations", 0, "id", to=0),
            "The annotations have the id 0, which pycocotools takes for 'not found': counted anew "
            "here, so that AP is higher than by Detectron2's COCOEvaluator, for 1 of them.",
            id="an id of 0",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", 1, to=[1, 2, 30, 20], insert=True),
            "The annotations have polygons of fewer than three points beside others, which were "
            "left out, for 1 of them.",
            id="a polygon of two points",
        ),
        pytest.param(
            changed("categories", 0, "name", to="cat"),
            "2 categories of the annotations are called cat; told apart here as cat (id 4).",
            id="a name twice",
        ),
    ],
)
def test_says_what_it_made_up(document, note, read):
    dataset = read(document)
    assert dataset.notes == (note,)
    (annotation,) = dataset.annotations
    assert annotation.id == 1
    assert annotation.area in (500.5, 600)


def test_a_byte_order_mark_is_no_trouble(read):
    assert read(f"\ufeff{json.dumps(GOOD)}") == read(GOOD)


@pytest.mark.parametrize("said", [None, "2", [2]])
def test_labelled_keypoints_are_counted_where_nobody_has_said(said, read):
    document = changed("annotations", 0, "num_keypoints", to=said) if said else copy.deepcopy(GOOD)
    document["annotations"][0]["keypoints"] = [5, 5, 2, 0, 0, 0, 9, 9, 1]
    (annotation,) = read(document).annotations
    assert annotation.num_keypoints == 2


def test_what_writers_leave_out(read):
    document = changed("annotations", 0, "iscrowd", to=None)
    document["annotations"][0]["keypoints"] = [5, 5, 2, 0, 0, 0, 9, 9, 1]
    (annotation,) = read(document).annotations
    assert not annotation.is_crowd
    assert annotation.num_keypoints == 2
    assert read(changed("annotations", 0, "segmentation", to=[])).has_masks is False


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param("{", "is not a COCO annotation file: it is no JSON", id="no JSON"),
        pytest.param([{"image_id": 1, "score": 1}], "it is a list, as COCO results are", id="list"),
        pytest.param(
            {"shapes": [], "imagePath": "a"},
            "has no list images and no list annotations and no list categories (it has imagePath, "
            "shapes); accepted is an object with the lists images, annotations and categories",
            id="another format",
        ),
        pytest.param(
            changed("annotations", 0, "segments_info", to=[]), "panoptic annotations", id="panoptic"
        ),
        pytest.param(changed("images", to=[]), "that are not in the file: 3 (image 7)", id="empty"),
        pytest.param(
            {**GOOD, "images": [], "annotations": []}, "has no images.", id="no images at all"
        ),
        pytest.param(changed("images", 0, "width", to=None), "1 image without", id="no width"),
        pytest.param(changed("images", 0, "height", to=-4), "1 image without", id="height below 0"),
        pytest.param(changed("images", 0, "width", to=10**9), "1 image without", id="too wide"),
        pytest.param(
            changed("images", to=[*GOOD["images"], {**GOOD["images"][0], "id": 8}]),
            "names of images are there more than once: a/b.png.",
            id="a file name twice",
        ),
        pytest.param(
            changed("images", to=GOOD["images"] * 2),
            "ids of images are there more than once: 7.",
            id="an image twice",
        ),
        pytest.param(
            changed("images", to=[*GOOD["images"], {**GOOD["images"][0], "id": "8"}]),
            "ids of images are texts in part, and numbers in part.",
            id="texts and numbers",
        ),
        pytest.param(
            changed("categories", 0, "id", to="4"), "1 of 2 categories have no whole", id="text id"
        ),
        pytest.param(
            changed("annotations", to=GOOD["annotations"] * 2),
            "ids of annotations are there more than once: 3.",
            id="an annotation twice",
        ),
        pytest.param(
            changed("annotations", 0, "category_id", to=90),
            "1 annotation of categories that are not in the file: 3 (category 90).",
            id="unknown category",
        ),
        pytest.param(
            changed("annotations", 0, "image_id", to=[7]), "images that are not", id="no such image"
        ),
        pytest.param(
            changed("annotations", 0, "bbox", to=[1, 2, 3]), "without a bbox of x, y", id="box"
        ),
        pytest.param(
            changed("annotations", 0, "bbox", to=[1, 2, -3, 4]),
            "without a bbox of x",
            id="negative",
        ),
        pytest.param(
            changed("annotations", 0, "bbox", to=[9, 9, 5, 5, 45]),
            "with a rotated bbox of 5 numbers, which is not judged: 3.",
            id="rotated",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", to=[[1, 2, 3, 4]]),
            "a polygon has at least three points",
            id="a polygon of two points",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", to={"size": [50, 40], "counts": [2000]}),
            "its size is [50, 40], the image's [40, 50]",
            id="run lengths of another size",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", to={"size": [40, 50], "counts": [1, 2]}),
            "its counts do not add up",
            id="too few run lengths",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", to={"size": [40, 50], "counts": "zzzz"}),
            "its counts are no compressed run lengths",
            id="compressed run lengths that are none",
        ),
        pytest.param(
            changed("annotations", 0, "segmentation", to=7), "accepted are polygons", id="a number"
        ),
        pytest.param(
            changed("annotations", 0, "iscrowd", to="0"),
            "1 annotation with an iscrowd that is neither 0 nor 1: 3 ('0').",
            id="a crowd as text",
        ),
        pytest.param(
            changed("annotations", 0, "bbox", to=[10**400, 2, 3, 4]),
            "without a bbox of x",
            id="a number that no float holds",
        ),
        pytest.param(
            changed("annotations", 0, "keypoints", to=[1, 2]), "with keypoints that", id="keypoints"
        ),
        pytest.param(changed("annotations", 0, to=5), "1 annotation that are no", id="no object"),
    ],
)
def test_refuses(document, sentence, read):
    with pytest.raises(BadMaterial) as raised:
        read(document)
    assert sentence in str(raised.value)
    assert "annotations.json" in str(raised.value)


def test_says_all_problems_at_once(read):
    document = changed("images", 0, "id", to=8)
    document["categories"].append({"id": 2, "name": "bird"})
    document["annotations"] *= 8
    with pytest.raises(BadMaterial) as raised:
        read(document)
    assert [one.partition("json: ")[2] for one in raised.value.problems] == [
        "ids of categories are there more than once: 2.",
        "8 annotations of images that are not in the file: 3 (image 7), 3 (image 7), 3 (image 7), "
        "3 (image 7), 3 (image 7) and 3 more.",
        "ids of annotations are there more than once: 3.",
    ]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ClientError, match=r"nothing\.json cannot be read: .*No such file"):
        read_dataset(tmp_path / "nothing.json")
