from pathlib import Path

import pytest
from pyarrow import parquet

from client.errors import ClientError
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.parts import Parts
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
    results = parts.results(number)
    return indices(results), indices(parts.unread(number, results))


@pytest.fixture
def parts(storage) -> Parts:
    return Parts(storage, int)


def test_a_part_is_done_when_its_results_are_there(parts):
    assert parts.done() == set()
    parts.commit(3, [answered(7), answered(6)], [unread(8)])
    parts.commit(1_000_000, [answered(9)], [])
    assert parts.done() == {3, 1_000_000}
    assert parts.with_unread() == {3}
    assert state(parts, 3) == ([6, 7], [8])
    parts.take_back(3)
    assert parts.done() == {1_000_000}


def test_the_same_part_again_is_the_same_bytes(parts, storage):
    parts.commit(0, [answered(0), answered(1)], [unread(2)])
    before = storage.read("results/part-000000.parquet")
    parts.commit(0, [answered(1), answered(0)], [])
    assert storage.read("results/part-000000.parquet") == before
    assert parts.with_unread() == set()


def test_a_table_of_what_has_no_answer_is_always_there(parts, storage):
    parts.commit(0, [answered(0)], [])
    parts.write_empty()
    parts.write_empty()
    assert storage.names("unreadable") == ["part-000000.parquet"]
    assert state(parts) == ([0], [])


class Killed(BaseException):
    pass


class Dying(Storage):
    """Dies at one of its changes."""

    left = 99

    def write(self, name: str, content: bytes) -> None:
        self.change()
        super().write(name, content)

    def delete(self, name: str) -> None:
        self.change()
        super().delete(name)

    def change(self) -> None:
        if not self.left:
            raise Killed
        self.left -= 1


@pytest.mark.parametrize("changes", range(3))
def test_killed_while_a_part_is_written(tmp_path, changes):
    dying = Dying(str(tmp_path))
    parts = Parts(dying, int)
    dying.left = changes
    if changes < 2:
        with pytest.raises(Killed):
            parts.commit(0, [answered(0)], [unread(1)])
        assert parts.done() == set()
        dying.left = 99
    # The worker that takes it up finds that image 1 can be read after all.
    dying.left = 99
    parts.commit(0, [answered(0), answered(1)], [])
    assert state(parts) == ([0, 1], [])


@pytest.mark.parametrize("changes", range(3))
def test_killed_while_a_part_is_asked_about_again(tmp_path, changes):
    dying = Dying(str(tmp_path))
    parts = Parts(dying, int)
    parts.commit(0, [answered(0)], [unread(1), unread(2)])
    dying.left = changes
    earlier = parts.results(0)
    if changes < 2:
        with pytest.raises(Killed):
            parts.commit(0, [answered(1)], [unread(2)], earlier=earlier)
    else:
        parts.commit(0, [answered(1)], [unread(2)], earlier=earlier)
    dying.left = 99
    assert state(parts) == (([0], [1, 2]) if changes == 0 else ([0, 1], [2]))
    found = parquet.read_table(Path(tmp_path, "unreadable", "part-000000.parquet"))
    assert indices(found.to_pylist()) == state(parts)[1]


def test_a_part_of_which_nothing_had_an_answer_keeps_that_while_it_is_asked_again(tmp_path):
    dying = Dying(str(tmp_path))
    parts = Parts(dying, int)
    parts.commit(0, [], [unread(0)])
    dying.left = 1
    with pytest.raises(Killed):
        parts.commit(0, [answered(0)], [], earlier=[])
    dying.left = 99
    assert state(parts) == ([0], [])


def test_a_damaged_part_is_a_sentence(parts, storage):
    storage.write("results/part-000002.parquet", b"half")
    with pytest.raises(ClientError, match=r"results/part-000002\.parquet is damaged"):
        parts.results(2)


def test_other_files_are_no_parts(parts, storage):
    for name in ("part-1.parquet", "part-000001.parquet.bak", "_SUCCESS"):
        storage.write(f"results/{name}", b"")
    assert parts.done() == set()
