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


def test_annotations_of_something_else(tmp_path):
    with pytest.raises(ClientError, match=r"None of the images .* called x.jpg, and it has a.jpg"):
        ids_for(inputs("/x.jpg"), annotated(tmp_path, **{"a.jpg": 7}))


def test_two_images_that_are_one_in_them(tmp_path):
    with pytest.raises(ClientError, match=r"/1/a.jpg and /2/a.jpg are both image 7 of"):
        ids_for(inputs("/1/a.jpg", "/2/a.jpg"), annotated(tmp_path, **{"a.jpg": 7}))


@pytest.fixture
def read(tmp_path):
    def read_(document: object, *, encoding: str = "utf-8") -> Annotated:
        file = tmp_path / "image_info.json"
        text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
        file.write_text(text, encoding=encoding)
        return read_annotated(file)

    return read_


IMAGES = [{"id": 1, "file_name": "ü.jpg"}, {"id": 2, "file_name": "b.jpg", "width": 3}]
CATS = [{"id": 4, "name": "cat"}, {"id": 5, "name": "cat"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_reads_a_file_without_annotations(read, encoding):
    document = {"images": IMAGES, "categories": [{"id": 4, "name": "cat"}]}
    found = read(document, encoding=encoding)
    assert found.image_ids == {"ü.jpg": 1, "b.jpg": 2}
    assert found.categories == (Category(4, "cat"),)
    assert read({"images": []}).categories == ()


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        pytest.param([{"category_id": 5}], ["cat (id 4)", "cat"], id="one has objects"),
        pytest.param([], ["cat", "cat (id 5)"], id="no objects"),
        pytest.param(
            [{"category_id": 4}, {"category_id": 5}], ["cat (id 4)", "cat (id 5)"], id="both have"
        ),
        pytest.param([7, {"category_id": [5]}], ["cat", "cat (id 5)"], id="none that are ones"),
    ],
)
def test_categories_of_one_name_are_told_apart_as_evaluate_does(read, annotations, names):
    found = read({"images": IMAGES, "categories": CATS, "annotations": annotations})
    assert [one.name for one in found.categories] == names
    assert "2 categories of the annotations are called cat" in found.notes[0]
    assert ids_for(inputs("/b.jpg"), found).notes == found.notes
    assert ids_for(inputs("/b.jpg", "/x.jpg"), found).notes[:1] == found.notes


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param("{", "is no JSON", id="cut off"),
        pytest.param([], "it is a list, as COCO results are", id="COCO results"),
        pytest.param(
            {"annotations": []},
            r"has no list images \(it has annotations\); accepted is an object with the list im",
            id="no images",
        ),
        pytest.param({"images": [{"id": 1}]}, "1 image without an id and a file", id="no names"),
        pytest.param({"images": [1, *IMAGES]}, "1 image without an id and a file", id="a number"),
        pytest.param(
            {"images": [{"id": 1, "file_name": "a"}, {"id": "b", "file_name": "b"}]},
            "ids of images are texts in part, and numbers in part",
            id="ids of two types",
        ),
        pytest.param(
            {"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]},
            "ids of images are there more than once: 1",
            id="an id twice",
        ),
        pytest.param(
            {"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]},
            "names of images are there more than once: a",
            id="a name twice",
        ),
        pytest.param(
            {"images": IMAGES, "categories": [{"id": 1, "name": 5}, CATS[0]]},
            "1 of 2 categories have no whole number as id, or no text as name",
            id="a name that is a number",
        ),
        pytest.param(
            {"images": IMAGES, "categories": [{"id": "1", "name": "cat"}]},
            "1 of 1 categories have no whole number as id",
            id="a category id of text",
        ),
        pytest.param(
            {"images": IMAGES, "categories": [CATS[0], {"id": 4, "name": "dog"}]},
            "ids of categories are there more than once: 4",
            id="a category id twice",
        ),
    ],
)
def test_other_files(read, document, sentence):
    with pytest.raises(ClientError, match=sentence):
        read(document)


def test_all_that_is_wrong_is_said_at_once(read, tmp_path):
    with pytest.raises(ClientError) as caught:
        read({"images": [1, IMAGES[0], IMAGES[0]], "categories": [{"id": 1}]})
    assert len(str(caught.value).splitlines()) == 4
    with pytest.raises(ClientError, match="cannot be read"):
        read_annotated(tmp_path / "gone.json")
