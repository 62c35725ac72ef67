import pytest

from client.errors import ClientError
from deploy.ray.jobs.claim import claimed
from deploy.ray.jobs.storage import Storage


def test_a_folder_is_one_runs_at_a_time(tmp_path):
    storage = Storage(str(tmp_path / "out"))
    with (
        claimed(storage),
        pytest.raises(ClientError, match=r"Another run writes into .*/out right now\."),
        claimed(storage),
    ):
        pass
    with claimed(storage):
        pass


def test_a_store_without_locks(memory):
    with claimed(Storage("memory://bucket/out")), claimed(Storage("memory://bucket/out")):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ClientError, match="file/out cannot be written"),
        claimed(Storage(str(tmp_path / "file" / "out"))),
    ):
        pass
