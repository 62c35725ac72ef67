import json
import zipfile
from pathlib import Path

import pytest

from client.models.archive import identify, verify
from client.models.errors import StoreError
from client.models.store import ModelStore
from torture.variants import WEIGHTS, make_variant, nudged_weights


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "store").mkdir()
    return ModelStore(tmp_path / "store")


def visible(store: ModelStore) -> list[str]:
    """What a server that starts would look at."""
    return sorted(path.name for path in store.folder.iterdir() if path.name[0] != ".")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"no model store .*: --model-store names"):
        ModelStore(tmp_path / "none")


def test_keeping_is_hidden_and_whole(store, archive):
    given = archive("2.0")
    kept = store.keep(given)
    assert visible(store) == []
    assert kept.name == ".coins-2.0.mar"
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
def test_an_archive_that_somebody_put_there_is_kept(name, store, archive, coins):
    make_variant(coins, store.folder / name, "1.0")
    store.keep(archive("2.0"))
    store.publish("coins", "2.0")
    assert visible(store) == ["coins.mar", "coins.mar.sha256"]
    assert sorted(store.kept("coins")) == ["1.0", "2.0"]
    assert verify(store.kept_file("coins", "1.0")).version == "1.0"


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


def test_models_whose_names_begin_alike_are_told_apart(store, archive):
    store.keep(archive("1.0"))
    (store.folder / ".coins-old-1.0.mar").write_bytes(
        (store.folder / ".coins-1.0.mar").read_bytes()
    )
    assert list(store.kept("coins")) == ["1.0"]
    assert store.kept("coins-old") == {}


@pytest.mark.parametrize(
    ("defaults", "now", "before"),
    [
        pytest.param([], "1.0", None, id="nothing recorded"),
        pytest.param(["1.0"], "1.0", None, id="the first one"),
        pytest.param(["1.0", "2.0"], "2.0", "1.0", id="one rollout"),
        pytest.param(["1.0", "2.0", "1.0"], "1.0", "2.0", id="there and back by rollouts"),
        pytest.param(["1.0", "2.0"], "1.0", None, id="cut short before the switch"),
        pytest.param(["1.0", "2.0"], "3.0", "2.0", id="not rolled out by us"),
        pytest.param(["0.9", "1.0", "2.0"], "1.0", "0.9", id="cut short after a rollback"),
    ],
)
def test_which_version_was_before(defaults, now, before, store):
    (store.folder / ".coins.versions.json").write_text(json.dumps({"defaults": defaults}))
    assert store.before("coins", now) == before


def test_the_record_of_rollouts_and_rollbacks(store):
    store.record_rollout("coins", "1.0", "2.0")
    store.record_rollout("coins", "2.0", "3.0")
    assert store.defaults("coins") == ["1.0", "2.0", "3.0"]
    store.record_rollout("coins", "2.0", "4.0")  # 3.0 was recorded and then refused
    assert store.defaults("coins") == ["1.0", "2.0", "4.0"]
    store.record_rollback("coins", "2.0")
    assert store.defaults("coins") == ["1.0", "2.0"]
    store.record_rollback("coins", "0.5")
    assert store.defaults("coins") == ["0.5"]


@pytest.mark.parametrize("content", ["", "[]", '{"defaults": 3}'])
def test_a_damaged_record_is_named(content, store):
    (store.folder / ".coins.versions.json").write_text(content)
    with pytest.raises(StoreError, match=r"coins\.versions\.json is not a record of versions"):
        store.defaults("coins")


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


def test_errors_of_others_are_not_the_stores(store):
    with pytest.raises(OSError, match="mine"), store.changing("coins"):
        raise OSError("mine")
