import json
from dataclasses import replace

import pyarrow as pa
import pytest
from pyarrow import parquet

from client.classes import Category
from client.errors import ClientError
from deploy.ray.jobs.inputs.opening import open_input

COCO = {"images": [{"id": 5, "file_name": "0.png"}], "categories": [{"id": 1, "name": "a"}]}


@pytest.fixture
def site(tmp_path, images, monkeypatch):
    """An input of each kind, none of which is called as what it is."""
    (tmp_path / "list.txt").write_text("\n " + json.dumps(COCO))
    parquet.write_table(pa.table({"path": ["0.png"]}), tmp_path / "table.json")
    (tmp_path / "tables").mkdir()
    parquet.write_table(pa.table({"path": ["0.png"]}), tmp_path / "tables" / "0.parquet")
    (tmp_path / "paths.txt").write_text("images/0.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


KINDS = [
    pytest.param("images", {}, "folder", "images", id="a folder"),
    pytest.param("images/", {}, "folder", "images", id="a folder with a slash"),
    pytest.param("list.txt", {}, "coco", "", id="a COCO file"),
    pytest.param("list.txt", {"images": "images"}, "coco", "images", id="a COCO file and images"),
    pytest.param("table.json", {"column": "path"}, "table", "", id="a table"),
    pytest.param(
        "tables", {"column": "path", "images": "images"}, "table", "images", id="a table in parts"
    ),
]


@pytest.mark.parametrize(("word", "said", "kind", "base"), KINDS)
def test_what_an_input_is_its_content_says(site, word, said, kind, base):
    found = open_input(word, **said)
    assert found.kind == kind
    assert found.images == str(site / base).rstrip("/")
    assert found.url == str(site / word).rstrip("/")
    assert list(found.listed())
    assert found.categories() == ([Category(1, "a")] if kind == "coco" else [])


BAD = [
    pytest.param("gone", {}, "There is no file or folder gone", id="nothing"),
    pytest.param("paths.txt", {}, "is no folder, COCO file or Parquet table: it begins", id="text"),
    pytest.param("images/0.png", {}, "it begins with b'.x89PNG", id="an image"),
    pytest.param("table.json", {}, "is a Parquet table: --column has to name", id="no column"),
    pytest.param("images", {"images": "/"}, "is a folder: --images goes with", id="images"),
    pytest.param(
        "list.txt",
        {"column": "a", "id_column": "b"},
        "is a COCO file: --column goes with tables; --id-column goes with tables",
        id="columns of a COCO file",
    ),
    pytest.param("nowhere://a/b", {}, "nowhere://a/b cannot be read: .*nowhere", id="a protocol"),
]


@pytest.mark.parametrize(("word", "said", "sentence"), BAD)
def test_what_is_none(site, word, said, sentence):
    with pytest.raises(ClientError, match=sentence):
        open_input(word, **said)


def test_a_file_that_has_changed_is_another_input(site):
    before = open_input("list.txt")
    assert open_input("list.txt") == before
    changed = {**COCO, "images": [*COCO["images"], {"id": 6, "file_name": "1.png"}]}
    (site / "list.txt").write_text(json.dumps(changed))
    assert open_input("list.txt") != before

    before = open_input("tables", column="path")
    parquet.write_table(pa.table({"path": ["1.png"]}), site / "tables" / "1.parquet")
    assert open_input("tables", column="path") != before


def test_a_file_that_is_none_of_the_machine(memory):
    memory.pipe_file("/bucket/list.json", json.dumps(COCO).encode())
    memory.pipe_file("/bucket/0.png", b"")
    found = open_input("memory://bucket/list.json")
    assert found.kind == "coco"
    (image,) = found.listed()
    assert image.id == 5
    assert memory.exists(image.path)
    assert replace(found, fingerprint="") == replace(
        open_input("memory://bucket/list.json", images="memory://bucket"), fingerprint=""
    )
