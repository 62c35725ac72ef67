import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from datetime import datetime

import pytest

from client.answers.header import Header, header_of
from client.answers.journal import Journal
from client.answers.record import Failure, Record
from client.errors import ClientError

SETTINGS = {"model": "pets", "version": "1.0", "options": {"classes": ["cat", 2]}}
CAT = Record("cat.jpg", "10-1", 0.5, {"predictions": [1]}, {"model": 0.25})
DOG = Record("dög 猫\n.jpg", "20-2", 1.5, failure=Failure("UndecodableImage", "It is none.", 400))
DOWN = Record("cow.jpg", "30-3", 60.0, failure=Failure("ServerUnreachable", "Nobody answers."))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "answers.jsonl"


def fill(path, *records) -> None:
    with Journal(path, SETTINGS) as journal:
        for record in records:
            journal.add(record)


def test_records_come_back(path):
    fill(path, CAT, DOG)
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == ["cat.jpg", "dög 猫\n.jpg"]
        assert len(journal) == 2
        assert "cat.jpg" in journal
        assert "cow.jpg" not in journal
        for record in (CAT, DOG):
            found = journal.record(record.image)
            assert found.earlier
            assert found == Record(**{**vars(record), "earlier": True})
        journal.add(Record("new.jpg", "1", 0.1))
        assert not journal.record("new.jpg").earlier


@pytest.mark.parametrize(
    ("before", "restart", "is_new"),
    [
        pytest.param([], False, False, id="begun, without records"),
        pytest.param([CAT], False, False, id="gone on with"),
        pytest.param([CAT], True, False, id="begun again"),
        pytest.param(None, False, True, id="none"),
        pytest.param(None, True, True, id="none, begun again"),
        pytest.param(b"", False, True, id="stopped before its first line"),
    ],
)
def test_whether_there_was_one(path, before, restart, is_new):
    if isinstance(before, bytes):
        path.parent.mkdir()
        path.write_bytes(before)
    elif before is not None:
        fill(path, *before)
    with Journal(path, SETTINGS, restart=restart) as journal:
        assert journal.is_new == is_new


def test_it_is_in_the_file_when_add_returns(path):
    with Journal(path, SETTINGS) as journal:
        journal.add(CAT)
        assert json.loads(path.read_text().splitlines()[-1])["image"] == "cat.jpg"


@pytest.mark.parametrize(
    ("fingerprint", "has"), [("10-1", True), ("11-1", False), ("", False)], ids=str
)
def test_a_file_that_has_changed_has_no_record(path, fingerprint, has):
    fill(path, CAT)
    with Journal(path, SETTINGS) as journal:
        assert journal.has("cat.jpg", fingerprint) == has
        assert not journal.has("dog.jpg", fingerprint)


def test_a_later_record_replaces_an_earlier_one(path):
    again = Record("cat.jpg", "11-5", 0.1, {"predictions": []})
    fill(path, CAT, DOG, again)
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == ["cat.jpg", "dög 猫\n.jpg"]
        assert journal.record("cat.jpg").document == {"predictions": []}


def test_failures_that_may_pass_are_asked_again_by_the_next_run_alone(path):
    with Journal(path, SETTINGS) as journal:
        journal.add(CAT)
        journal.add(DOWN)
        assert journal.has("cow.jpg", "30-3")
    with Journal(path, SETTINGS) as journal:
        assert not journal.has("cow.jpg", "30-3")
        assert list(journal) == ["cat.jpg"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_asked_again(path, cut):
    fill(path, CAT, DOG)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == ["cat.jpg"]
        journal.add(DOG)
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 2
        assert journal.record("cat.jpg").stages == {"model": 0.25}
        assert journal.record(DOG.image).failure == DOG.failure


@pytest.mark.parametrize("left", [0, 1, 20, 60])
def test_a_torn_first_line_begins_anew(path, left):
    fill(path)
    path.write_bytes(path.read_bytes()[:left])
    assert header_of(path) is None
    fill(path, CAT)
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == ["cat.jpg"]


@pytest.mark.parametrize("line", [b"{}\n", b"\xff\n", b"[1]\n", b"\n", b'{"image": 1}\n'], ids=repr)
def test_a_damaged_line_costs_that_record_alone(path, line):
    fill(path, CAT)
    with path.open("ab") as file:
        file.write(line)
    fill(path, DOG)
    with Journal(path, SETTINGS) as journal:
        assert journal.record("cat.jpg").document == CAT.document
        assert journal.record(DOG.image).failure == DOG.failure


def test_other_settings_are_named(path):
    fill(path)
    other = {**SETTINGS, "version": "2.0", "options": {}, "extra": 1}
    with pytest.raises(ClientError) as caught:
        Journal(path, other)
    assert str(caught.value) == (
        f"{path} holds answers of another run (extra was None and is 1; options was "
        "{'classes': ['cat', 2]} and is {}; version was '1.0' and is '2.0'), so this one cannot go "
        "on with it: choose another folder, or --restart, which deletes them."
    )


def test_settings_are_compared_as_json_has_them(path):
    fill(path, CAT)
    same = {**SETTINGS, "options": {"classes": ("cat", 2)}}
    with Journal(path, same) as journal:
        assert len(journal) == 1


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(Journal.begin, id="when it is begun"),
        pytest.param(lambda journal: journal.add(DOG), id="with the first record"),
    ],
)
def test_restarting_deletes(path, begin):
    fill(path, CAT)
    before = path.read_bytes()
    with Journal(path, {"model": "other"}, about={"b": 2}, restart=True) as journal:
        assert (list(journal), journal.about) == ([], {"b": 2})
        assert path.read_bytes() == before  # it may yet be refused
        begin(journal)
        begin(journal)
        journal.add(DOWN)
        assert not journal.record(DOWN.image).earlier
        assert CAT.image not in journal
        begun = journal.begun
    assert header_of(path) == Header({"model": "other"}, {"b": 2}, begun)
    assert b"cat.jpg" not in path.read_bytes()


def test_a_restart_that_never_began_deletes_nothing(path):
    fill(path, CAT)
    with Journal(path, {"model": "other"}, restart=True) as journal:
        assert CAT.image not in journal
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == [CAT.image]
        journal.begin()
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == [CAT.image]


def test_what_else_was_known_is_kept(path):
    with Journal(path, SETTINGS, about={"classes": ["cat"]}):
        pass
    with Journal(path, SETTINGS, about=None) as journal:
        assert (journal.about, journal.is_about_all) == ({"classes": ["cat"]}, True)
    assert header_of(path.with_name("none.jsonl")) is None


@pytest.mark.parametrize(
    ("records", "is_about_all"), [([], True), ([CAT], False)], ids=["at first", "after answers"]
)
def test_what_is_known_later_is_kept(path, records, is_about_all):
    fill(path, *records)
    with Journal(path, SETTINGS) as journal:
        assert (journal.about, journal.is_about_all) == (None, True)
        journal.describe({"classes": ["cat"]})
        assert (journal.about, journal.is_about_all) == ({"classes": ["cat"]}, is_about_all)
        journal.add(DOG)
    with Journal(path, SETTINGS, about={"classes": ["dog"]}) as journal:
        assert (journal.about, journal.is_about_all) == ({"classes": ["cat"]}, is_about_all)
        assert list(journal) == [one.image for one in (*records, DOG)]


def test_when_it_was_begun(path):
    with Journal(path, SETTINGS) as journal:
        begun = journal.begun
    assert datetime.fromisoformat(begun).tzinfo is not None
    path.write_text(path.read_text().replace(begun, "2026-01-02T03:04:05+01:00"))
    with Journal(path, SETTINGS) as journal:
        assert journal.begun == "2026-01-02T03:04:05+01:00"
    with Journal(path, SETTINGS, restart=True) as journal:
        assert journal.begun >= begun
    header = json.loads(path.read_text())
    del header["begun"]  # as older clients wrote it
    path.write_text(json.dumps(header, separators=(",", ":")) + "\n")
    with Journal(path, SETTINGS) as journal:
        assert journal.begun is None


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("content", ["[1, 2]", "my thesis\n", '{"kind":"x"}\n'])
def test_other_files_are_left_alone(path, content, restart):
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ClientError, match="holds something else than answers"):
        Journal(path, SETTINGS, restart=restart)
    assert path.read_text() == content


def test_another_format_version(path):
    fill(path)
    path.write_bytes(path.read_bytes().replace(b'"format_version":1', b'"format_version":2'))
    with pytest.raises(ClientError, match="has format version 2; accepted is 1"):
        Journal(path, SETTINGS)


def test_another_process_is_kept_out(path, pytestconfig):
    script = (
        "import sys; from pathlib import Path\n"
        "from client.answers.journal import Journal\n"
        f"Journal(Path(sys.argv[1]), {SETTINGS!r})\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    with Journal(path, SETTINGS) as journal:
        journal.add(CAT)
        other = subprocess.run(
            command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False
        )
        assert other.returncode == 1
        assert "Another run writes" in other.stderr
        journal.add(DOG)
    subprocess.run(command, cwd=pytestconfig.rootpath, check=True)
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 2


def test_a_file_system_without_locks(path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    fill(path, CAT)
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 1


def test_a_full_disk_leaves_no_half_line(path, monkeypatch):
    write = os.write

    def full(file, content):
        if len(content) > 20:
            return write(file, bytes(content[:20]))
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(path, SETTINGS) as journal:
        journal.add(CAT)
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ClientError, match="No space left on device"):
            journal.add(DOG)
        assert DOG.image not in journal
        monkeypatch.setattr(os, "write", write)
        journal.add(DOWN)
    with Journal(path, SETTINGS) as journal:
        assert list(journal) == ["cat.jpg"]
    assert len(path.read_bytes().splitlines()) == 3


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ClientError, match="cannot be written"):
        Journal(tmp_path / "file" / "answers.jsonl", SETTINGS)
    with pytest.raises(ClientError, match="cannot be read"):
        header_of(tmp_path)


def test_threads_may_share_it(path):
    with Journal(path, SETTINGS) as journal:

        def work(thread: int) -> None:
            for number in range(50):
                name = f"{thread}/{number}.jpg"
                journal.add(Record(name, "1", 0.1, {"predictions": ["x" * thread * 1000]}))
                assert journal.record(name).document == {"predictions": ["x" * thread * 1000]}

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 400
        for name in journal:
            assert len(journal.record(name).document["predictions"][0]) == 1000 * int(name[0])


def test_memory_holds_names_and_places_alone(path):
    answer = {"predictions": ["x" * 300]}
    fill(
        path, Record("photographs/of/a/folder/NAME.jpg", "4000000-1700000000000000000", 0.1, answer)
    )
    header, line = path.read_text().splitlines(keepends=True)
    with path.open("w") as file:
        file.write(header)
        file.writelines(line.replace("NAME", f"{number:08}") for number in range(30_000))
    assert path.stat().st_size > 12e6
    tracemalloc.start()
    with Journal(path, SETTINGS) as journal:
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(journal) == 30_000
    assert held / 30_000 < 450  # bytes an image, names included
