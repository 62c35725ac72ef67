"""Each command on a real server: what it does, and what it says of it."""

import json
import os
import signal
from dataclasses import replace

import pytest

from client.http import send
from client.management import ManagementClient
from client.models.archive import verify
from client.models.store import ModelStore
from tests.client.models.conftest import MODEL, full
from torture.variants import (
    make_variant,
)


def test_versions_side_by_side_by_hand(command, bench, second):
    old, new = second.old, second.new
    assert f"{MODEL} {new} is served beside {old}. Ask for it at /predictions/{MODEL}/{new}" in (
        second.said
    )
    assert command("register", second.archive)[0] == 1  # a version never changes

    code, out, _ = command("show", MODEL)
    assert code == 0
    assert f"  {old:<12} default  READY" in out
    assert f"  {new:<12}          READY" in out
    assert command("list")[1] == out

    code, out, err = command("unregister", MODEL, old)
    assert code == 1
    assert f"{old} is the default: `set-default {MODEL} VERSION` first, with one of {new}" in err

    assert command("set-default", MODEL, new)[0] == 0
    assert bench.answer() == new == bench.published()[0]
    assert command("set-default", MODEL, "77")[0] == 1
    assert bench.answer() == new == bench.published()[0]
    assert command("set-default", MODEL, old)[0] == 0
    assert bench.answer() == old == bench.published()[0]

    code, _, err = command("unregister", MODEL, "77")
    assert code == 1
    assert f"{MODEL} 77 is not registered; registered: " in err


def test_a_kept_version_is_served_again(command, bench):
    """As for `compare`, after a rollout has replaced it."""
    archive = verify(bench.variant())
    for path in (archive.path, bench.site.store.kept_file(MODEL, archive.version)):
        assert command("register", path)[0] == 0
        assert archive.version in bench.versions()
        assert command("unregister", MODEL, archive.version)[0] == 0
    assert archive.version not in bench.versions()
    assert archive.version in bench.site.store.kept(MODEL)


@pytest.mark.parametrize("step", ["publish", "record"])
def test_a_set_default_that_cannot_be_written_is_undone(step, command, bench, second, monkeypatch):
    old, new = second.old, second.new
    published = bench.published()
    history = bench.site.store.history(MODEL).text()
    with monkeypatch.context() as patched:
        if step == "publish":
            patched.setattr(ModelStore, "publish", full)
        else:
            patched.setattr("client.models.history.History.record_rollout", full)
        code, out, err = command("set-default", MODEL, new)
    assert (code, out) == (1, "")
    assert "The disk is full." in err
    assert bench.answer() == old
    assert bench.published() == published
    assert bench.site.store.history(MODEL).text() == history


def test_scaling(command, bench):
    assert command("scale", MODEL, "--workers", "2")[0] == 0
    assert len(bench.site.management.version(MODEL).workers) == 2
    code, _, err = command("scale", MODEL, "--workers", "1")
    assert code == 1
    assert "has 2 workers. TorchServe ends those that are too many at once" in err
    assert command("scale", MODEL, "--workers", "1", "--force")[0] == 0
    assert len(bench.site.management.version(MODEL).workers) == 1


@pytest.mark.parametrize("done", [True, False], ids=["when they answer", "while they load"])
def test_a_signal_to_scaling(done, command, bench, monkeypatch):
    """What is done stays; what is not is undone."""
    management, scale = bench.site.management, ManagementClient.scale

    def interrupted(self, model: str, version: str, *, workers: int, timeout_s: float) -> None:
        if workers == 2 and not done:
            query = "min_worker=2&max_worker=2"  # without a word of waiting
            send("PUT", f"{self.url}/models/{model}/{version}?{query}", token=self.token)
        else:
            scale(self, model, version, workers=workers, timeout_s=timeout_s)
        if workers == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(ManagementClient, "scale", interrupted)
        code, out, err = command("scale", MODEL, "--workers", "2")
    if done:
        assert (code, len(management.version(MODEL).workers)) == (0, 2)
        assert "has 2 workers now" in out
        assert command("scale", MODEL, "--workers", "1", "--force")[0] == 0
    else:
        assert (code, len(management.version(MODEL).workers)) == (130, 1)
        assert "going back to 1 worker\n" in err
    assert management.version(MODEL).is_ready


def test_a_new_model_becomes_its_own_default_and_can_be_removed(command, bench, store, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(ModelStore, "publish", full)
        code, _, err = command("register", store / "tiny.mar")
    assert code == 1
    assert err.endswith("The disk is full.\n")
    assert bench.site.management.models() == [MODEL]
    left = {path.name for path in bench.site.store.folder.glob("*tiny*")}
    assert left <= {".tiny.lock"}

    code, out, _ = command("register", store / "tiny.mar")
    assert code == 0
    assert "tiny 1.0 is served as the default. Ask for it at /predictions/tiny." in out
    assert [version for version, _ in bench.site.store.published("tiny")] == ["1.0"]
    assert sorted(bench.site.management.models()) == [MODEL, "tiny"]
    document = json.loads(command("list", "--json")[1])
    assert [one["model"] for one in document["models"]] == [MODEL, "tiny"]
    assert document["models"][1]["after_restart"] == ["1.0"]

    code, _, err = command("unregister", "tiny", "1.0")
    assert code == 1
    assert "tiny 1.0 is the only version" in err
    with monkeypatch.context() as patched:
        patched.setattr(ManagementClient, "unregister", full)
        code, _, err = command("unregister", "tiny", "1.0", "--force")
    assert code == 1
    assert err.endswith("The disk is full.\n")
    assert [version for version, _ in bench.site.store.published("tiny")] == ["1.0"]

    assert command("unregister", "tiny", "1.0", "--force")[0] == 0
    assert bench.site.store.published("tiny") == []
    assert bench.site.management.models() == [MODEL]
    code, _, err = command("show", "tiny", "--json")
    assert code == 1
    assert "404" in err


def test_says_when_a_restart_would_serve_something_else(command, bench, second):
    old, new = second.old, second.new
    bench.site.management.set_default(MODEL, new)  # as curl would
    _, _, err = command("list")
    assert f"{MODEL} {new} is the default, and a restart would serve {old}" in err
    bench.site.management.set_default(MODEL, old)
    assert "a restart" not in command("list")[2]


def test_says_when_nobody_knows_what_was_before(command, bench):
    history = bench.site.store.history(MODEL)
    before = history.text()
    history.file.write_text("damaged")
    bench.site.store.keep(verify(other := bench.variant()))
    kept = f"--to {verify(other).version}"
    try:
        assert kept in command("show", MODEL)[1]
        assert "is not a record of versions" in command("show", MODEL)[2]
        code, _, err = command("rollback", MODEL)
        assert code == 1
        assert "nothing was before it" in err
        assert "`rollback --to` names one" in err
        assert kept in err
    finally:
        bench.site.store.forget(MODEL, verify(other).version)
        history.put_back(before)


def test_a_server_that_was_told_to_serve_anothers_archive(command, bench, monkeypatch):
    """As `--models coins=pets.mar` does: a restart would serve that file again."""
    describe = ManagementClient.version
    pets = make_variant(bench.coins, bench.site.store.folder / "pets.mar", "1.0", model="pets")

    def misnamed(self, model: str, version: str | None = None):
        return replace(describe(self, model, version), archive="pets.mar")

    try:
        with monkeypatch.context() as patched:
            patched.setattr(ManagementClient, "version", misnamed)
            for words in (("rollout", bench.variant()), ("rollback", MODEL)):
                code, _, err = command(*words)
                assert code == 1
                assert "started with --models coins=pets.mar" in err
    finally:
        for path in bench.site.store.folder.glob("pets.mar*"):
            path.unlink()
    assert not pets.exists()
