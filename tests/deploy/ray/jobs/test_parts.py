import io
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.parts import Damaged, Parts
from deploy.ray.jobs.rows import Answered, Unread
from deploy.ray.jobs.storage import Storage

DOCUMENT = {"image": {"width": 3, "height": 2}, "predictions": []}


def answered(index: int) -> Answered:
    return Answered(index, Listed(index, f"/{index}", f"{index}"), DOCUMENT)


def unread(index: int) -> Unread:
    return Unread(index, Listed(index, f"/{index}", f"{index}"), "X", "It is none.", True)


def indices(rows) -> list[int]:
    return [row["index"] for row in rows]


def state(parts: Parts, number: int = 0) -> tuple[list[int], list[int]]:
    found = parts.read(number)
    return indices(found.results), indices(found.unread)


@pytest.fixture
def parts(storage) -> Parts:
    return Parts(storage, int, "t0")


def test_a_part_is_done_when_its_results_are_there(parts):
    assert parts.done() == set()
    parts.commit(3, [answered(7), answered(6)], [unread(8)])
    parts.commit(1_000_000, [answered(9)], [])
    assert parts.done() == {3, 1_000_000}
    assert parts.with_unread() == {3}
    assert state(parts, 3) == ([6, 7], [8])
    parts.take_back(3)
    assert parts.done() == {1_000_000}
    assert [parts.is_done(number) for number in (3, 1_000_000)] == [False, True]


def test_the_same_part_again_is_the_same_bytes(parts, storage):
    parts.commit(0, [answered(0), answered(1)], [])
    before = storage.read("results/part-000000-t0.parquet")
    parts.commit(0, [answered(1), answered(0)], [])
    assert storage.read("results/part-000000-t0.parquet") == before
    assert parts.with_unread() == set()


def test_a_table_of_what_has_no_answer_is_always_there(parts, storage):
    parts.commit(0, [answered(0)], [])
    parts.write_empty()
    parts.write_empty()
    assert storage.names("unreadable") == ["part-000000-t0.parquet"]
    assert state(parts) == ([0], [])


def test_parts_of_another_job_are_none(parts, storage):
    other = Parts(storage, int, "t1")
    other.commit(0, [answered(0)], [unread(1)])
    other.commit(9, [answered(9)], [])
    parts.commit(0, [answered(0), answered(1)], [])
    assert (parts.done(), parts.with_unread()) == ({0}, set())
    assert state(parts) == ([0, 1], [])
    parts.sweep(1)
    assert storage.names("results") == ["part-000000-t0.parquet"]
    assert storage.names("unreadable") == []


def test_a_name_that_is_no_text(parts):
    name = os.fsdecode(b"caf\xe9.jpg")
    lost = Unread(0, Listed(0, f"/{name}", name), "X", f"/{name} is none.", True)
    parts.commit(0, [], [lost])
    (row,) = parts.read(0).unread
    assert row["message"] == r"/caf\udce9.jpg is none."


class Killed(BaseException):
    pass


class Dying(Storage):
    """Dies at one of its changes, or does something before it."""

    left = 99
    before: Callable[[str], None] = staticmethod(lambda name: None)

    def write(self, name: str, content: bytes) -> None:
        self.change(name)
        super().write(name, content)

    def delete(self, name: str) -> None:
        self.change(name)
        super().delete(name)

    def change(self, name: str) -> None:
        if not self.left:
            raise Killed
        self.left -= 1
        self.before(name)


@pytest.mark.parametrize("changes", range(3))
def test_killed_while_a_part_is_written(tmp_path, changes):
    dying = Dying(str(tmp_path))
    parts = Parts(dying, int, "t0")
    dying.left = changes
    if changes < 2:
        with pytest.raises(Killed):
            parts.commit(0, [answered(0)], [unread(1)])
        assert parts.done() == set()
    # The worker that takes it up finds that image 1 can be read after all.
    dying.left = 99
    parts.commit(0, [answered(0), answered(1)], [])
    assert state(parts) == ([0, 1], [])
    assert parts.with_unread() == set()


@pytest.mark.parametrize("changes", range(3))
def test_killed_while_a_part_is_asked_about_again(tmp_path, changes):
    dying = Dying(str(tmp_path))
    parts = Parts(dying, int, "t0")
    parts.commit(0, [answered(0)], [unread(1), unread(2)])
    dying.left = changes
    earlier = parts.read(0).results
    if changes < 2:
        with pytest.raises(Killed):
            parts.commit(0, [answered(1)], [unread(2)], earlier=earlier)
    else:
        parts.commit(0, [answered(1)], [unread(2)], earlier=earlier)
    dying.left = 99
    assert state(parts) == (([0], [1, 2]) if changes < 2 else ([0, 1], [2]))
    parts.mend(0, parts.read(0).unread)
    found = parquet.read_table(Path(tmp_path, "unreadable", "part-000000-t0.parquet"))
    assert indices(found.to_pylist()) == state(parts)[1]


@pytest.mark.parametrize("folder", ["unreadable", "results"])
def test_two_workers_with_one_part_lose_no_image(tmp_path, folder):
    """One finds image 1 unreadable; between two of its changes the other one answers it."""
    other = Parts(Storage(str(tmp_path)), int, "t0")
    slow = Dying(str(tmp_path))

    def overtaken(name: str) -> None:
        if name.startswith(folder):
            other.commit(0, [answered(0), answered(1)], [])

    slow.before = overtaken
    Parts(slow, int, "t0").commit(0, [answered(0)], [unread(1)])
    assert state(other) == ([0], [1])
    other.mend(0, other.read(0).unread)
    found = parquet.read_table(Path(tmp_path, "unreadable", "part-000000-t0.parquet"))
    assert indices(found.to_pylist()) == [1]


@pytest.mark.parametrize("content", [b"half", None], ids=["half", "without what has no answer"])
def test_a_damaged_part_is_a_sentence(parts, storage, content):
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"index": [1]}), buffer)
    storage.write("results/part-000002-t0.parquet", content or buffer.getvalue())
    with pytest.raises(Damaged, match=r"results/part-000002-t0\.parquet is damaged"):
        parts.read(2)


def test_other_files_are_no_parts(parts, storage):
    for name in (
        "part-1-t0.parquet",
        "part-000001.parquet",
        "part-000001-t0.parquet.bak",
        "_SUCCESS",
    ):
        storage.write(f"results/{name}", b"")
    assert parts.done() == set()
