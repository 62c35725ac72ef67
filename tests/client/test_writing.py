import io
import json
import os
import sys

import pytest

from client.errors import ClientError
from client.writing import JsonList, print_text, replacing, replacing_text, write_json


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


NOT_UTF_8 = os.fsdecode(b"Stra\xdfe.jpg")


def test_names_that_are_not_utf_8_are_read_back(tmp_path):
    write_json(tmp_path / "a.json", {"ü": NOT_UTF_8})
    with replacing_text(tmp_path / "b.json") as file:
        written = JsonList(file)
        written.add(["ü", NOT_UTF_8])
        written.end()
    assert '"ü": "Stra\\udcdfe.jpg"' in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"ü": NOT_UTF_8}
    assert json.loads((tmp_path / "b.json").read_bytes()) == [["ü", NOT_UTF_8]]


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("utf-8", "Straße Stra\\udcdfe.jpg\n"), ("ascii", "Stra\\xdfe Stra\\udcdfe.jpg\n")],
)
def test_terminals_get_what_they_can_show(encoding, printed, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    print_text(f"Straße {NOT_UTF_8}")
    terminal.flush()
    assert terminal.buffer.getvalue().decode(encoding) == printed


@pytest.mark.parametrize("entries", [[], [1], [{"a": "ü"}, [], "x\n"]], ids=["none", "one", "some"])
def test_a_list_is_json_and_has_an_entry_a_line(entries):
    file = io.StringIO()
    written = JsonList(file)
    for entry in entries:
        written.add(entry)
    written.end()
    assert json.loads(file.getvalue()) == entries
    assert len(file.getvalue().splitlines()) == (len(entries) + 2 if entries else 1)
