from pathlib import Path

import pytest

from deploy.ray.jobs import reading
from deploy.ray.jobs.reading import Reader, Unreadable, read


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(reading, "_PAUSES_S", (0.0, 0.0, 0.0))


def test_files_come_in_their_order_whatever_becomes_of_each(tmp_path, memory):
    memory.pipe_file("/bucket/c", b"3")
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "c::a").write_bytes(b"4")
    (tmp_path / "empty").write_bytes(b"")
    paths = [str(tmp_path / name) for name in ("a", "gone", "empty", ".", "c::a")]
    found = Reader(2).ahead([*paths, "memory://bucket/c", "memory://bucket/d", "nowhere://x"])()
    assert [one if isinstance(one, bytes) else one.type for one in found] == [
        *(b"1", "FileNotFoundError", b"", "IsADirectoryError", b"4"),
        *(b"3", "FileNotFoundError", "ValueError"),
    ]
    assert found[1].message == (
        f"{tmp_path}/gone cannot be read: [Errno 2] No such file or directory: '{tmp_path}/gone'."
    )


@pytest.mark.parametrize("failures", range(6))
def test_what_may_pass_is_tried_again(monkeypatch, failures):
    left = [OSError(5, "Input/output error")] * failures

    def read_bytes(path: Path) -> bytes:
        if left:
            raise left.pop()
        return b"1"

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    expected = Unreadable("OSError", "/a cannot be read: [Errno 5] Input/output error.")
    assert read("/a") == (b"1" if failures < 4 else expected)
    assert len(left) == max(failures - 4, 0)
