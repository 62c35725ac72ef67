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
    pytest.param({"a.jpg": 7}, ["/elsewhere/a.jpg"], (7,), id="without a folder, in any"),
    pytest.param({"./val/a.jpg": 7}, ["/d/val/a.jpg"], (7,), id="this folder"),
    pytest.param({"../val//a.jpg": 7}, ["/d/val/a.jpg"], (7,), id="the folder above"),
    pytest.param({"/d/val/a.jpg": 7}, ["/d/val/a.jpg"], (7,), id="the whole path"),
    pytest.param(
        {"./a.jpg": 7, "a.jpg": 7}, ["/d/a.jpg"], (7,), id="written in two ways, one image"
    ),
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


OTHERS = [
    pytest.param({"train/a.jpg": 7}, "/d/val/a.jpg", id="another folder"),
    pytest.param({"day1/cam1/a.jpg": 7}, "/d/day2/cam1/a.jpg", id="another folder further up"),
    pytest.param({"val/a.jpg": 7, "test/a.jpg": 8}, "/x/a.jpg", id="two other folders"),
    pytest.param({"/data/val/a.jpg": 7}, "/mnt/val/a.jpg", id="another whole path"),
]


@pytest.mark.parametrize(("image_ids", "path"), OTHERS)
def test_the_same_name_in_another_folder_is_another_image(tmp_path, image_ids, path):
    found = ids_for(inputs(path, "/b.jpg"), annotated(tmp_path, **image_ids, **{"b.jpg": 9}))
    assert found.ids == (None, 9)
    (note,) = found.notes
    other = list(image_ids)[-1]
    assert f"in another folder is not taken for it ({path}, there {other}): a path has" in note
    with pytest.raises(ClientError, match="a path has to end with the whole file_name"):
        ids_for(inputs(path), annotated(tmp_path, **image_ids))


def test_how_many_have_names_of_other_folders(tmp_path):
    names = {f"train/{number}.jpg": number for number in range(5)}
    found = ids_for(
        inputs("/d/train/0.jpg", *(f"/d/val/{number}.jpg" for number in range(9))),
        annotated(tmp_path, **names),
    )
    assert "(/d/val/0.jpg, there train/0.jpg, and 4 more)" in found.notes[0]


def test_a_name_that_is_written_in_two_ways_for_two_images_is_nobodys(tmp_path):
    found = annotated(tmp_path, **{"./a.jpg": 7, "a.jpg": 8, "b.jpg": 9})
    assert ids_for(inputs("/a.jpg", "/b.jpg"), found).ids == (None, 9)


def test_one_file_name_for_two_images_is_refused(tmp_path):
    file = tmp_path / "coco.json"
    images = [{"id": id_, "file_name": "a.jpg"} for id_ in (1, 1, 2)]
    file.write_text(json.dumps({"images": images}))
    with pytest.raises(ClientError, match=r"has a.jpg more than once, as image 1 and as image 2"):
        read_annotated(file)


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
