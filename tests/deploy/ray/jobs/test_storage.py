import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from client.errors import ClientError
from deploy.ray.jobs import storage as storing
from deploy.ray.jobs.storage import Fault, Storage


def test_files_by_their_names(storage):
    assert storage.names("results") == []
    assert not storage.exists("results/b")
    storage.write("results/b", b"1")
    storage.write("results/a", b"2")
    storage.write("results/b", b"3")
    storage.write("results/.hidden", b"4")
    assert storage.names("results") == ["a", "b"]
    assert storage.exists("results/b")
    assert storage.read("results/b") == b"3"
    storage.delete("results/b")
    storage.delete("results/b")
    assert storage.names("results") == ["a"]


def test_a_file_that_grows_is_there_at_its_end(storage):
    with storage.replacing("a") as temp:
        temp.write_bytes(b"1")
        assert not storage.exists("a")
    assert storage.read("a") == b"1"


class Stopped(Exception):
    pass


def test_what_was_not_ended_leaves_nothing(storage):
    storage.write("a", b"1")

    def fail() -> None:
        with storage.replacing("a") as temp:
            temp.write_bytes(b"2")
            failed.append(temp)
            raise Stopped

    failed: list[Path] = []
    with pytest.raises(Stopped):
        fail()
    assert storage.read("a") == b"1"
    assert not failed[0].exists()


def test_files_are_whole_while_several_write_them(tmp_path):
    storage = Storage(str(tmp_path))
    contents = [bytes([number]) * 200_000 for number in range(4)]
    storage.write("a", contents[0])
    threads = [
        threading.Thread(target=lambda one=one: [storage.write("a", one) for _ in range(20)])
        for one in contents
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert storage.read("a") in contents
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_killed_processes_leave_is_swept(tmp_path):
    storage = Storage(str(tmp_path))
    storage.write("results/a", b"1")
    (tmp_path / "results" / ".b.parquet.0123.part").write_bytes(b"half")
    (tmp_path / "results" / ".nfs01").write_bytes(b"of others")
    storage.sweep("results")
    storage.sweep("nowhere")
    assert sorted(one.name for one in (tmp_path / "results").iterdir()) == [".nfs01", "a"]


def test_a_folder_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Storage("out").url == str(tmp_path / "out")
    assert Storage("out").folder == tmp_path / "out"
    assert Storage("memory://a/b/").url == "memory://a/b"
    assert Storage("memory://a/b/").folder is None


def test_troubles_are_sentences(tmp_path):
    (tmp_path / "file").write_text("")
    storage = Storage(str(tmp_path / "file"))
    with pytest.raises(
        ClientError, match=r"file/a cannot be written: .*(Not a directory|File exists)"
    ):
        storage.write("a", b"")
    with pytest.raises(ClientError, match="file/a cannot be read: "):
        storage.read("a")
    with pytest.raises(ClientError, match="nowhere://a cannot be opened: "):
        Storage("nowhere://a")


ACTIONS = [
    pytest.param(lambda storage: storage.write("b", b"1"), None, id="write"),
    pytest.param(lambda storage: storage.read("a"), b"0", id="read"),
    pytest.param(lambda storage: storage.using("a", lambda file: file.read(1)), b"0", id="using"),
    pytest.param(lambda storage: storage.delete("a"), None, id="delete"),
    pytest.param(lambda storage: storage.names(""), ["a"], id="names"),
    pytest.param(lambda storage: storage.exists("a"), True, id="exists"),
]


class Faulty:
    """A file system of which some calls fail first."""

    def __init__(self, filesystem: object, error: Exception, failures: int) -> None:
        self._filesystem = filesystem
        self._error = error
        self.failures = failures

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if self.failures and name != "invalidate_cache":
                self.failures -= 1
                raise self._error
            return getattr(self._filesystem, name)(*arguments, **named)

        return call


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(storing.time, "sleep", taken.append)
    return taken


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_a_fault_that_passes_ends_nothing(memory, pauses, action, expected):
    storage = Storage("memory://bucket/out")
    storage.write("a", b"0")
    passing = Faulty(storage._filesystem, OSError(errno.EIO, "Input/output error"), 4)
    storage._filesystem = passing
    assert action(storage) == expected
    assert (passing.failures, len(pauses)) == (0, 4)


def test_a_write_to_a_folder_is_tried_again(tmp_path, pauses, monkeypatch):
    left, original = [OSError(errno.ESTALE, "Stale file handle")] * 4, Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        if left:
            raise left.pop()
        return original(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    Storage(str(tmp_path)).write("a", b"1")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert len(pauses) == 4


FINAL = [
    pytest.param(OSError(errno.EIO, "Input/output error"), 4, Fault, id="again and again"),
    pytest.param(OSError(errno.ENOSPC, "No space left on device"), 0, ClientError, id="no room"),
    pytest.param(OSError(errno.EDQUOT, "Disk quota exceeded"), 0, ClientError, id="no quota"),
    pytest.param(PermissionError("AccessDenied"), 0, ClientError, id="no right"),
]


@pytest.mark.parametrize(("error", "tried", "kind"), FINAL)
def test_what_waiting_does_not_mend_is_a_sentence(memory, pauses, error, tried, kind):
    storage = Storage("memory://bucket/out")
    storage._filesystem = Faulty(memory, error, 99)
    with pytest.raises(ClientError, match=r"bucket/out/a cannot be written: ") as caught:
        storage.write("a", b"1")
    assert type(caught.value) is kind
    assert len(pauses) == tried
