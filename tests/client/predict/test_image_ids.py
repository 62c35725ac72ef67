import json

import pytest

from client.classes import Category
from client.errors import ClientError
from client.inputs.naming import Input
from client.predict.image_ids import Annotated, ids_for, read_annotated


def inputs(*paths: str) -> list[Input]:
    return [Input(path, path.rpartition("/")[2], "", path.endswith(".mp4")) for path in paths]


def annotated(tmp_path, **image_ids) -> Annotated:
    return Annotated(tmp_path / "coco.json", image_ids, ())


def test_without_annotations_images_are_numbered(tmp_path):
    found = ids_for(inputs("/a.jpg", "/c.mp4", "/b.jpg"), None)
    assert (found.ids, found.notes) == ((1, None, 2), ())


IDS = [
    pytest.param({"a.jpg": 7}, ["/d/a.jpg"], (7,), id="by name"),
    pytest.param({"val/a.jpg": 7}, ["/d/val/a.jpg"], (7,), id="by the end of the path"),
    pytest.param(
        {"val/a.jpg": 7, "test/a.jpg": 8}, ["/d/test/a.jpg"], (8,), id="one name in two folders"
    ),
    pytest.param({"val/a.jpg": 7}, ["/elsewhere/a.jpg"], (7,), id="in another folder"),
    pytest.param({"a.jpg": 7, "val/a.jpg": 8}, ["/val/a.jpg"], (8,), id="the longest end"),
    pytest.param({"a.jpg": "x-1"}, ["/a.jpg"], ("x-1",), id="ids of text"),
    pytest.param({"a.jpg": 0}, ["/a.jpg", "/c.mp4"], (0, None), id="the id 0, and a video"),
    pytest.param({"a.jpg": 7}, [], (), id="no images"),
]


@pytest.mark.parametrize(("image_ids", "paths", "expected"), IDS)
def test_ids_of_annotations(tmp_path, image_ids, paths, expected):
    found = ids_for(inputs(*paths), annotated(tmp_path, **image_ids))
    assert (found.ids, found.notes) == (expected, ())


def test_images_that_are_not_in_them_are_said(tmp_path):
    found = ids_for(inputs("/a.jpg", "/x.jpg", "/c.mp4"), annotated(tmp_path, **{"a.jpg": 7}))
    assert found.ids == (7, None, None)
    (note,) = found.notes
    assert note.startswith("1 of 2 images are not in ")
    assert "(x.jpg)" in note


def test_a_name_that_two_annotated_images_have_is_nobodys(tmp_path):
    found = annotated(tmp_path, **{"val/a.jpg": 7, "test/a.jpg": 8, "b.jpg": 9})
    assert ids_for(inputs("/x/a.jpg", "/b.jpg"), found).ids == (None, 9)


def test_annotations_of_something_else(tmp_path):
    with pytest.raises(ClientError, match=r"None of the images .* called x.jpg, and it has a.jpg"):
        ids_for(inputs("/x.jpg"), annotated(tmp_path, **{"a.jpg": 7}))


def test_two_images_that_are_one_in_them(tmp_path):
    with pytest.raises(ClientError, match=r"/1/a.jpg and /2/a.jpg are both image 7 of"):
        ids_for(inputs("/1/a.jpg", "/2/a.jpg"), annotated(tmp_path, **{"a.jpg": 7}))


def test_reads_a_file_without_annotations(tmp_path):
    file = tmp_path / "image_info.json"
    images = [{"id": 1, "file_name": "ü.jpg"}, {"id": "b", "file_name": "b.jpg", "width": 3}]
    file.write_text(json.dumps({"images": images, "categories": [{"id": 4, "name": "cat"}]}))
    found = read_annotated(file)
    assert found.image_ids == {"ü.jpg": 1, "b.jpg": "b"}
    assert found.categories == (Category(4, "cat"),)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param("{", "is no JSON", id="cut off"),
        pytest.param("[]", "is not a COCO file", id="COCO results"),
        pytest.param('{"annotations": []}', "is not a COCO file", id="no images"),
        pytest.param('{"images": [{"id": 1}]}', "is not a COCO file", id="images without names"),
        pytest.param('{"images": [1]}', "is not a COCO file", id="images that are none"),
    ],
)
def test_other_files(tmp_path, content, sentence):
    file = tmp_path / "coco.json"
    file.write_text(content)
    with pytest.raises(ClientError, match=sentence):
        read_annotated(file)
    with pytest.raises(ClientError, match="cannot be read"):
        read_annotated(tmp_path / "gone.json")
