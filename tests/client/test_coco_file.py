"""What all readers of COCO files ask of them."""

import json

import pytest

from client.classes import Category
from client.coco_file import NotCoco, check_image_keys, image_key, read_categories, read_document
from client.errors import ClientError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_with_and_without_a_byte_order_mark(tmp_path, encoding):
    file = tmp_path / "coco.json"
    file.write_text('{"images": ["ü"], "info": {}}', encoding=encoding)
    assert read_document(file, ["images"]) == {"images": ["ü"], "info": {}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"{", "is no JSON", id="cut off"),
        pytest.param(b"\xff\xfe", "is no JSON", id="another encoding"),
        pytest.param(b"[" * 200_000, "is no JSON", id="as deep as no file is"),
        pytest.param(b"[]", "it is a list, as COCO results are", id="results"),
        pytest.param(b"7", r"has no list images and no list annotations \(it has int\)", id="7"),
        pytest.param(
            b'{"images": {}, "annotations": []}', r"no list images \(it has ann", id="an object"
        ),
    ],
)
def test_other_files(tmp_path, content, sentence):
    file = tmp_path / "coco.json"
    file.write_bytes(content)
    with pytest.raises(NotCoco, match=sentence):
        read_document(file, ["images", "annotations"])
    with pytest.raises(ClientError, match="cannot be read"):
        read_document(tmp_path / "gone.json", ["images"])


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"id": 0, "file_name": "a"}, (0, "a")),
        ({"id": "x", "file_name": "a", "width": 3}, ("x", "a")),
        ({"id": 1.5, "file_name": "a"}, None),
        ({"id": 1, "file_name": ""}, None),
        ({"id": 1, "file_name": 7}, None),
        ({"id": [1], "file_name": "a"}, None),
        ([1, "a"], None),
    ],
    ids=json.dumps,
)
def test_keys_of_images(entry, key):
    assert image_key(entry) == key


def test_all_problems_are_named():
    problems = []
    check_image_keys([(1, "a"), ("1", "b"), (2, "a")], problems)
    read = read_categories([{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}, 7], problems)
    assert read == [Category(1, "cat"), Category(1, "dog")]
    assert problems == [
        "ids of images are there more than once: 1.",
        "ids of images are texts in part, and numbers in part.",
        "names of images are there more than once: a.",
        "1 of 3 categories have no whole number as id, or no text as name.",
        "ids of categories are there more than once: 1.",
    ]
    check_image_keys([], problems)
    assert len(problems) == 5
