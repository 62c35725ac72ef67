import io
import json

import pytest

from client.errors import ClientError
from client.writing import JsonList, replacing, replacing_text, write_json


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_appears_whole_at_the_end(tmp_path, before):
    path = tmp_path / "new" / "a.json"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    with replacing_text(path) as file:
        file.write("neü")
        file.flush()
        assert path.exists() == (before is not None)
        assert before is None or path.read_text() == before
    assert path.read_text(encoding="utf-8") == "neü"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(TypeError), replacing_text(path) as file:
        file.writelines(["half of", None])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_suffix_stays(tmp_path):
    with replacing(tmp_path / "a.mp4") as temp:
        assert temp.suffix == ".mp4"
        assert temp.name.startswith(".")
        temp.touch()


@pytest.mark.parametrize("place", ["file/a.json", "folder"], ids=["below a file", "a folder"])
def test_places_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ClientError, match="cannot be written"):
        write_json(tmp_path / place, {})


@pytest.mark.parametrize("entries", [[], [1], [{"a": "ü"}, [], "x\n"]], ids=["none", "one", "some"])
def test_a_list_is_json_and_has_an_entry_a_line(entries):
    file = io.StringIO()
    written = JsonList(file)
    for entry in entries:
        written.add(entry)
    written.end()
    assert json.loads(file.getvalue()) == entries
    assert len(file.getvalue().splitlines()) == (len(entries) + 2 if entries else 1)
