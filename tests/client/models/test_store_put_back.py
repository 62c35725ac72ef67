"""What a restart would load is put back as it was, whatever has been done to it."""

import errno
from pathlib import Path

import pytest

from client.models import archive_files
from client.models.errors import StoreError
from client.models.store import ModelStore
from tests.client.models.conftest import visible
from torture.variants import make_variant


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "store").mkdir()
    return ModelStore(tmp_path / "store")


def contents(store: ModelStore) -> dict[str, bytes]:
    """What a restart would load, and the history."""
    names = [*visible(store), ".coins.versions.json"]
    files = [store.folder / name for name in names]
    return {file.name: file.read_bytes() for file in files if file.exists()}


@pytest.mark.parametrize("digest", [True, False], ids=["with .sha256", "without .sha256"])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="nothing"),
        pytest.param(["coins.mar"], id="one archive"),
        pytest.param(["coins-v1.mar"], id="one under another name"),
        pytest.param(["coins.mar", "b.mar"], id="two"),
    ],
)
@pytest.mark.parametrize("change", ["publish", "withdraw"])
def test_what_a_restart_would_load_can_be_put_back(change, before, digest, store, archive, coins):
    for number, name in enumerate(before):
        make_variant(coins, store.folder / name, f"1.{number}")
        if not digest:
            (store.folder / f"{name}.sha256").unlink()
    store.keep(archive("2.0"))
    as_it_was = contents(store)
    put_back = store.remembered("coins")
    if change == "publish":
        store.publish("coins", "2.0")
        store.history("coins").record_rollout("1.0", "2.0")
    else:
        store.withdraw("coins")
    put_back()
    assert contents(store) == as_it_was
    put_back()
    assert contents(store) == as_it_was


def test_what_was_never_exported_is_put_back_as_well(store, archive, coins):
    """Its digests are wrong, so it is nothing to be kept as a version."""
    make_variant(coins, store.folder / "coins.mar", "1.0")
    (store.folder / "coins.mar.sha256").write_text(f"{'0' * 64}  coins.mar\n")
    as_it_was = contents(store)
    store.keep(archive("2.0"))
    put_back = store.remembered("coins")
    store.publish("coins", "2.0")
    assert "1.0" not in store.kept("coins")
    put_back()
    assert contents(store) == as_it_was


@pytest.mark.parametrize("file", ["coins.mar.sha256", "coins.mar"])
def test_a_full_disk_in_the_middle_of_publishing_can_be_put_back(
    file, store, archive, coins, monkeypatch
):
    make_variant(coins, store.folder / "coins.mar", "1.0")
    store.keep(archive("2.0"))
    as_it_was = contents(store)
    put_back = store.remembered("coins")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    what = (Path, "replace") if file == "coins.mar" else (archive_files, "write")
    with (
        store.publishing("coins", "2.0") as publish,
        monkeypatch.context() as patched,
    ):
        patched.setattr(*what, full)
        with pytest.raises(StoreError, match="No space left"):
            publish()
    put_back()
    assert contents(store) == as_it_was
