"""Commands against a server whose model API is off, as it is shipped."""

import shutil

import pytest

from client.errors import ModelApiOff
from client.models.cli import main
from client.models.history import History
from tests.client.models.conftest import MODEL
from torture.variants import make_variant


@pytest.fixture(scope="module")
def shipped(serve, coins, tmp_path_factory):
    """A server with the arguments that commands find it by, its store, and a new archive."""
    folder = tmp_path_factory.mktemp("shipped")
    store = folder / "store"
    store.mkdir()
    make_variant(coins, store / f"{MODEL}.mar", "1.0")
    with serve(folder, store, model_api=False) as server:
        server.wait_until_ready(MODEL, timeout_s=240)
        # Beside it, hidden as a rollout leaves it, the version before.
        make_variant(coins, store / f".{MODEL}@0.9.mar", "0.9")
        History(store / f".{MODEL}.versions.json").record_rollout("0.9", "1.0")
        words = ["--ts-config", str(folder / "config.properties")]
        words += ["--key-folder", str(folder / "run")]
        yield server, words, store, make_variant(coins, folder / "new.mar", "2.0")


def content(folder):
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("rollout", "NEW"), id="rollout"),
        pytest.param(("rollout", "not_there.mar"), id="rollout of nothing"),
        pytest.param(("register", "NEW"), id="register"),
        pytest.param(("rollback", MODEL), id="rollback"),
        pytest.param(("unregister", MODEL, "1.0", "--force"), id="unregister"),
    ],
)
def test_what_needs_it_is_refused_before_anything_is_touched(words, shipped, capsys):
    server, of_the_server, store, new = shipped
    before = content(store)
    command = [str(new) if word == "NEW" else word for word in words]
    assert main([*command, *of_the_server]) == 1
    said = capsys.readouterr().err
    assert said.startswith("The server's model API is off")
    assert "python -m server --model-api" in said
    assert content(store) == before
    assert [one.version for one in server.management.versions(MODEL)] == ["1.0"]


@pytest.mark.parametrize("words", [("scale", MODEL, "--workers", "1"), ("set-default", MODEL)])
def test_what_does_without_it_is_done(words, shipped):
    words = (*words, "1.0") if words[0] == "set-default" else words
    assert main([*words, *shipped[1]]) == 0


def test_looking_whether_it_is_on_changes_nothing(shipped, bench):
    for server in (shipped[0], bench.server):
        before = server.management.versions(MODEL)
        server.management.check_changes()
        assert server.management.versions(MODEL) == before
    bench.server.management.check_model_api()
    with pytest.raises(ModelApiOff):
        shipped[0].management.check_model_api()


def test_a_wrong_key_is_no_missing_model_api(shipped, bench, tmp_path, capsys):
    _, of_the_server, _, new = shipped
    wrong = tmp_path / "key_file.json"
    shutil.copy(bench.folder / "run" / "key_file.json", wrong)
    words = [*of_the_server[:2], "--key-folder", str(tmp_path), "--model-store", str(tmp_path)]
    assert main(["rollout", str(new), *words]) == 1
    assert "InvalidKeyException" in capsys.readouterr().err


def test_without_a_server_the_address_is_said(tmp_path, capsys):
    words = ["--management", "http://127.0.0.1:9", "--model-store", str(tmp_path)]
    assert main(["rollout", "new.mar", *words]) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
