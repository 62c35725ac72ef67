import json

import fsspec
import pytest

from client.classes import Category
from client.errors import ClientError
from deploy.ray.jobs.inputs.coco import categories_of_coco, images_of_coco
from deploy.ray.jobs.listed import Listed

IMAGES = [
    {"id": 9, "file_name": "b.jpg", "width": 2},
    {"id": 3, "file_name": "sub/a.jpg"},
    {"id": 7, "file_name": "/elsewhere/c.jpg"},
    {"id": 8, "file_name": "s3://bucket/d.jpg"},
]
CATEGORIES = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dög", "supercategory": "animal"}]


def written(tmp_path, document):
    file = tmp_path / "coco.json"
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    return fsspec.filesystem("file"), str(file)


ORDERS = [
    pytest.param(["images", "annotations", "categories"], id="images first"),
    pytest.param(["categories", "info", "annotations", "images"], id="images last"),
]


@pytest.mark.parametrize("order", ORDERS)
def test_ids_are_kept_and_names_joined(tmp_path, order):
    parts = {
        "images": IMAGES,
        "categories": CATEGORIES,
        "annotations": [{"id": 1, "image_id": 9, "images": [{"id": 0}], "bbox": [0, 0, 1.5, 2]}],
        "info": {"images": "none of these"},
    }
    given = written(tmp_path, {key: parts[key] for key in order})
    assert list(images_of_coco(*given, images="/data/")) == [
        Listed(9, "/data/b.jpg", "b.jpg"),
        Listed(3, "/data/sub/a.jpg", "sub/a.jpg"),
        Listed(7, "/elsewhere/c.jpg", "/elsewhere/c.jpg"),
        Listed(8, "s3://bucket/d.jpg", "s3://bucket/d.jpg"),
    ]
    assert categories_of_coco(*given) == [Category(17, "cat"), Category(18, "dög")]


def test_a_file_without_images_has_none(tmp_path):
    given = written(tmp_path, {"annotations": []})
    assert list(images_of_coco(*given, images="/")) == []
    assert categories_of_coco(*given) == []


BAD = [
    pytest.param({"images": [{"id": 1}]}, "its list images has {'id': 1}, where an", id="no name"),
    pytest.param({"images": [{"file_name": "a"}]}, "an object with an id and a", id="no id"),
    pytest.param({"images": [{"id": 1.5, "file_name": "a"}]}, "1.5", id="an id of another type"),
    pytest.param({"images": ["a.jpg"]}, "its list images has {}", id="names"),
    pytest.param('{"images": [{"id": 1,', "is no JSON: ", id="cut off"),
    pytest.param('{"images": [}', "is no JSON: ", id="damaged"),
]


@pytest.mark.parametrize(("document", "sentence"), BAD)
def test_what_is_no_coco_file(tmp_path, document, sentence):
    with pytest.raises(ClientError, match=sentence.replace("{", r"\{")) as caught:
        list(images_of_coco(*written(tmp_path, document), images="/"))
    assert "coco.json" in str(caught.value)
