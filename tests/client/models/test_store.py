import errno
import shutil
import zipfile
from pathlib import Path

import pytest

from client.models import store as store_module
from client.models.archive import identify, verify
from client.models.errors import StoreError
from client.models.store import ModelStore
from tests.client.models.conftest import visible
from torture.variants import WEIGHTS, make_variant, nudged_weights


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "store").mkdir()
    return ModelStore(tmp_path / "store")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"no model store .*: --model-store names"):
        ModelStore(tmp_path / "none")


def test_keeping_is_hidden_and_whole(store, archive):
    given = archive("2.0")
    kept = store.keep(given)
    assert visible(store) == []
    assert kept.name == ".coins@2.0.mar"
    assert verify(kept).sha256 == given.sha256
    assert store.kept("coins") == {"2.0": kept}
    assert store.published("coins") == []


def test_keeping_twice_changes_nothing(store, archive):
    store.keep(archive("2.0"))
    store.keep(archive("2.0", "again.mar"))
    assert list(store.kept("coins")) == ["2.0"]


def test_a_version_never_changes(store, archive):
    before = store.keep(archive("2.0")).read_bytes()
    other = archive("2.0", "other.mar", {WEIGHTS: nudged_weights(1.01)})
    with pytest.raises(StoreError, match=r"coins 2\.0 with another digest, and a version never"):
        store.keep(other)
    assert store.kept_file("coins", "2.0").read_bytes() == before


def test_publishing_leaves_one_archive_to_load(store, archive):
    for version in ("1.0", "2.0"):
        store.keep(archive(version))
        store.publish("coins", version)
        assert visible(store) == ["coins.mar", "coins.mar.sha256"]
        assert identify(store.folder / "coins.mar") == ("coins", version)
        assert verify(store.folder / "coins.mar").version == version
    assert sorted(store.kept("coins")) == ["1.0", "2.0"]


def published(store: ModelStore, given: Path) -> Path:
    store.keep(verify(given))
    store.publish("coins", "1.0")
    return store.kept_file("coins", "1.0")


def adopted(store: ModelStore, given: Path) -> Path:
    shutil.copy(given, store.folder / "coins.mar")
    return store.adopt("coins")[store.folder / "coins.mar"]


def put_back(store: ModelStore, given: Path) -> Path:
    kept = published(store, given)
    back = store.remembered("coins")
    store.withdraw("coins")
    back()
    return kept


def linked_by_hand(store: ModelStore, given: Path) -> Path:
    kept = store.keep(verify(given))
    (store.folder / "coins.mar").hardlink_to(kept)
    store.publish("coins", "1.0")
    return kept


@pytest.mark.parametrize("make", [published, adopted, put_back, linked_by_hand])
def test_whoever_copies_over_what_is_visible_changes_no_version(make, store, archive, tmp_path):
    given = archive("1.0")
    kept = make(store, given.path)
    assert kept == store.kept_file("coins", "1.0")
    assert verify(store.folder / "coins.mar").sha256 == given.sha256
    shutil.copy(archive("2.0").path, store.folder / "coins.mar")  # as `cp` does
    assert verify(kept).sha256 == given.sha256
    (store.folder / "coins.mar.sha256").unlink(missing_ok=True)
    store.publish("coins", "1.0")
    assert verify(store.folder / "coins.mar").sha256 == given.sha256
    assert sorted(store.kept("coins")) == ["1.0", "2.0"]


def test_what_takes_time_is_done_before_it_is_published(store, archive, monkeypatch):
    for version in ("1.0", "2.0"):
        store.keep(archive(version))
    store.publish("coins", "1.0")
    before = sorted(path.name for path in store.folder.iterdir())
    with store.publishing("coins", "2.0") as publish, monkeypatch.context() as patched:
        assert identify(store.folder / "coins.mar") == ("coins", "1.0")
        patched.setattr(store_module, "copy", None)
        publish()
        assert verify(store.folder / "coins.mar").version == "2.0"
    with store.publishing("coins", "1.0"):
        pass  # something else fails
    assert identify(store.folder / "coins.mar") == ("coins", "2.0")
    assert sorted(path.name for path in store.folder.iterdir()) == before


def test_publishing_twice_leaves_nothing_behind(store, archive):
    store.keep(archive("1.0"))
    store.publish("coins", "1.0")
    before = sorted(path.name for path in store.folder.iterdir())
    store.publish("coins", "1.0")
    assert sorted(path.name for path in store.folder.iterdir()) == before


def test_publishing_what_is_not_kept(store):
    with pytest.raises(StoreError, match=r"coins 3\.0 cannot be published"):
        store.publish("coins", "3.0")


@pytest.mark.parametrize("name", ["coins.mar", "coins-v1.mar"])
def test_an_archive_that_somebody_put_there_is_kept_and_its_name_as_well(
    name, store, archive, coins
):
    """A server that was started with --models coins=coins-v1.mar looks for it again."""
    make_variant(coins, store.folder / name, "1.0")
    store.keep(archive("2.0"))
    for version in ("2.0", "1.0", "2.0"):
        assert store.publish("coins", version) == store.folder / name
        assert visible(store) == [name, f"{name}.sha256"]
        assert verify(store.folder / name).version == version
    assert sorted(store.kept("coins")) == ["1.0", "2.0"]
    assert verify(store.kept_file("coins", "1.0")).version == "1.0"


@pytest.mark.parametrize(
    ("served_from", "place"),
    [
        pytest.param("b.mar", "b.mar", id="the file that is served"),
        pytest.param("coins.mar", "coins.mar", id="the usual one is served"),
        pytest.param(".coins@1.0.mar", "coins.mar", id="a kept one is served"),
        pytest.param("gone.mar", "coins.mar", id="one that is not there is served"),
        pytest.param(None, "coins.mar", id="nobody knows"),
    ],
)
def test_of_several_archives_the_one_that_is_served_is_exchanged(
    served_from, place, store, archive, coins
):
    for version, name in (("1.0", "coins"), ("1.1", "a"), ("1.2", "b")):
        make_variant(coins, store.folder / f"{name}.mar", version)
    store.keep(archive("2.0"))
    store.publish("coins", "2.0", served_from=served_from)
    assert visible(store) == [place, f"{place}.sha256"]
    assert verify(store.folder / place).version == "2.0"
    assert sorted(store.kept("coins")) == ["1.0", "1.1", "1.2", "2.0"]


@pytest.mark.parametrize(
    ("name", "served_from", "refused"),
    [
        pytest.param("coins", "coins.mar", False, id="by its own name"),
        pytest.param("coins", "gone.mar", False, id="not there"),
        pytest.param("pets", "coins.mar", True, id="by another name"),
    ],
)
def test_a_model_that_is_served_from_anothers_archive_is_refused(
    name, served_from, refused, store, coins
):
    make_variant(coins, store.folder / "coins.mar", "1.0")
    if not refused:
        store.refuse_misnamed(name, served_from)
        return
    with pytest.raises(StoreError, match=r"started with --models pets=coins\.mar"):
        store.refuse_misnamed(name, served_from)


def test_what_differs_from_what_is_kept_is_put_aside(store, archive, coins):
    store.keep(archive("1.0"))
    rebuilt = make_variant(
        coins, store.folder / "coins.mar", "1.0", {WEIGHTS: nudged_weights(1.01)}
    ).read_bytes()
    store.publish("coins", "1.0")
    assert (store.folder / ".coins.mar.aside").read_bytes() == rebuilt
    assert (store.folder / "coins.mar").read_bytes() != rebuilt


def test_a_damaged_archive_is_replaced(store, archive):
    (store.folder / "coins.mar").write_bytes(b"damaged")
    store.keep(archive("1.0"))
    store.publish("coins", "1.0")
    assert identify(store.folder / "coins.mar") == ("coins", "1.0")


def test_the_archive_of_another_model_is_not(store, archive):
    store.keep(archive("1.0"))
    with zipfile.ZipFile(store.folder / "coins.mar", "w") as other:
        other.writestr("MAR-INF/MANIFEST.json", '{"model": {"modelName": "other"}}')
    with pytest.raises(StoreError, match=r"is an archive of other, .*: rename it"):
        store.publish("coins", "1.0")


def test_withdrawing_keeps_everything(store, archive):
    store.keep(archive("1.0"))
    store.publish("coins", "1.0")
    store.withdraw("coins")
    assert visible(store) == []
    assert list(store.kept("coins")) == ["1.0"]


def test_forgetting(store, archive):
    store.keep(archive("1.0"))
    store.forget("coins", "1.0")
    assert list(store.folder.iterdir()) == []


def test_models_whose_names_begin_alike_are_told_apart(store, coins, tmp_path):
    named = [("a", "b-1"), ("a-b", "1"), ("a", "1"), ("a-b", "b-1")]
    for model, version in named:
        path = make_variant(coins, tmp_path / f"{model}.mar", version, model=model)
        store.keep(verify(path))
    assert sorted(store.kept("a")) == ["1", "b-1"]
    assert sorted(store.kept("a-b")) == ["1", "b-1"]
    for model, version in named:
        kept = verify(store.kept_file(model, version))
        assert (kept.model, kept.version) == (model, version)


def test_a_file_under_anothers_name_is_not_kept(store, archive):
    kept = store.keep(archive("1.0"))
    for name in (".coins@2.0.mar", ".pets@1.0.mar"):
        (store.folder / name).write_bytes(kept.read_bytes())
    assert list(store.kept("coins")) == ["1.0"]
    assert store.kept("pets") == {}


def test_an_archive_that_changes_before_it_is_copied_is_not_kept(store, archive):
    given = archive("1.0")
    given.path.write_bytes(archive("2.0").path.read_bytes())
    with pytest.raises(StoreError, match=f"changed while it was copied: .* was {given.sha256}"):
        store.keep(given)
    assert list(store.folder.iterdir()) == []


def test_one_command_at_a_time(store):
    with (
        store.changing("coins"),
        store.changing("pets"),
        pytest.raises(StoreError, match="coins are being changed by another command"),
        store.changing("coins"),
    ):
        pass
    with store.changing("coins"):
        pass


def test_a_file_system_that_cannot_lock(store, monkeypatch):
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(StoreError, match=r"\.coins\.lock cannot be locked, .* No locks available"),
        store.changing("coins"),
    ):
        pass


def test_errors_of_others_are_not_the_stores(store):
    with pytest.raises(OSError, match="mine"), store.changing("coins"):
        raise OSError("mine")
