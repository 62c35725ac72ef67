"""Rollouts on a real server: what passes, what is refused, what is left behind."""

import argparse
import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from client.errors import ClientError, ModelApiOff
from client.management import ManagementClient
from client.models import archive_files, commands
from client.models.archive import Archive, verify
from client.models.checks import CheckImage
from client.models.errors import ArchiveRefused, RolloutRefused, StoreError, UndoFailed
from client.models.gates import Gates, compare, first_answers
from client.models.rollout import Changed, rollback, rollout
from client.models.site import Site
from client.models.store import ModelStore
from tests.client.models.conftest import MODEL, Workbench
from tests.images import png
from torture.variants import (
    ENTRY,
    WEIGHTS,
    blind_weights,
    crashing_handler,
    failing_handler,
    make_variant,
    nudged_weights,
    slow_handler,
)

GREY = png(np.full((64, 64, 3), 128, np.uint8))


def test_a_good_version_takes_the_place_and_can_be_taken_back(bench):
    old, steps = bench.default(), []
    archive = bench.variant({WEIGHTS: nudged_weights(1.001)})
    changed = rollout(bench.watched(steps.append), archive, bench.gates)
    assert (changed.old, changed.drained, changed.warnings) == (old, True, ())
    assert changed.agreement.old > 3
    assert changed.agreement.share == 1
    assert changed.timing.old_median_s > 0
    assert bench.versions() == [changed.new] == [bench.answer()] == bench.published()
    assert len(dict.fromkeys(steps)) == 8
    assert not changed.as_dict()["warnings"]

    back = rollback(bench.site, MODEL, bench.gates)
    assert (back.old, back.new, back.drained) == (changed.new, old, True)
    assert back.agreement is None
    assert bench.versions() == [old] == [bench.answer()] == bench.published()
    assert {old, changed.new} <= bench.site.store.kept(MODEL).keys()


@pytest.mark.parametrize(
    ("edits", "gate", "sentence"),
    [
        pytest.param(
            {ENTRY: crashing_handler},
            "load",
            r"cannot be loaded: 500 .* Its worker says: OSError: no such device",
            id="crashes at load",
        ),
        pytest.param(
            {"model-config.yaml": lambda content: content + b"\n  max_pixels: 5\n"},
            "load",
            r"cannot be loaded: 500 .* Its worker says: .*unknown keys",
            id="cannot be loaded",
        ),
        pytest.param(
            {ENTRY: failing_handler}, "answers", "does not answer: coins: 503", id="fails"
        ),
        pytest.param(
            {WEIGHTS: blind_weights},
            "agreement",
            r"answers otherwise than .*: 0 of the old version's \d detections are found again",
            id="answers wrongly",
        ),
    ],
)
def test_a_bad_version_is_refused_and_the_old_one_serves_on(edits, gate, sentence, bench):
    old, kept = bench.default(), bench.site.store.kept(MODEL).keys()
    with pytest.raises(RolloutRefused, match=sentence) as caught:
        rollout(bench.site, bench.variant(edits), bench.gates)
    assert caught.value.gate == gate
    assert bench.versions() == [old] == [bench.answer()] == bench.published()
    assert bench.site.store.kept(MODEL).keys() == {*kept, old}


def test_a_version_that_is_slower_than_the_limit_is_refused(bench):
    old = bench.default()
    archive = bench.variant({ENTRY: slow_handler(0.5)})
    with pytest.raises(RolloutRefused, match=r"takes \d+\.\d\d times as long as .* 1\.2 times is"):
        rollout(bench.site, archive, bench.with_gates(max_slowdown=1.2, rounds=1))
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def test_a_damaged_archive_is_refused_before_anything_is_done(bench):
    old, archive = bench.default(), bench.variant()
    archive.write_bytes(archive.read_bytes()[:-5000])
    with pytest.raises(ArchiveRefused, match="damaged"):
        rollout(bench.site, archive, bench.gates)
    assert bench.versions() == [old] == [bench.answer()]


def test_a_version_that_does_not_load_in_time_is_refused(bench):
    old = bench.default()
    with pytest.raises(ClientError, match="No answer from"):
        rollout(bench.site, bench.variant(), bench.with_gates(load_timeout_s=0.5))
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def test_a_model_trained_for_something_else_is_not_compared(bench):
    """Nor does a history that cannot be read keep it from anything."""
    old = bench.default()
    archive = bench.variant({WEIGHTS: blind_weights})
    bench.site.store.history(MODEL).file.write_text("damaged")
    changed = rollout(bench.site, archive, bench.with_gates(compare=False))
    assert changed.agreement is None
    assert "is not a record of versions" in changed.warnings[0]
    assert bench.versions() == [changed.new]
    rollback(bench.site, MODEL, bench.gates)
    assert bench.versions() == [old]


def test_images_on_which_nothing_is_found_prove_nothing_and_are_refused(bench):
    old = bench.site.management.version(MODEL)
    same = Archive(Path(), MODEL, old.version, "")
    gates = bench.with_gates(images=[CheckImage("grey.png", GREY)])
    answers = first_answers(bench.site, same, gates)
    with pytest.raises(
        RolloutRefused, match=r"found anything above the score 0\.5 on grey\.png"
    ) as caught:
        compare(bench.site, old, same, answers, gates)
    assert caught.value.gate == "agreement"


def test_what_is_served_already_is_not_rolled_out(bench):
    archive = make_variant(bench.coins, bench.folder / "again.mar", bench.default())
    with pytest.raises(ClientError, match=r"served already, as the default.*another --version"):
        rollout(bench.site, archive, bench.gates)


def register(site: Site, path: Path, gates: Gates) -> None:
    commands.change(site, argparse.Namespace(command="register", archive=path, workers=None), gates)


@pytest.mark.parametrize("command", [rollout, register])
@pytest.mark.parametrize("is_damaged", [False, True], ids=["whole", "damaged"])
def test_a_version_never_changes_even_when_it_is_not_served(is_damaged, command, bench):
    """What is kept of it stays, though nobody can read it."""
    old, archive = bench.default(), verify(bench.variant())
    kept = bench.site.store.keep(archive)
    if is_damaged:
        kept.write_bytes(kept.read_bytes()[:-5000])
    content = kept.read_bytes()
    rebuilt = {WEIGHTS: nudged_weights(1.01)}
    other = make_variant(bench.coins, bench.folder / "rebuilt.mar", archive.version, rebuilt)
    with pytest.raises(StoreError, match="another digest, and a version never changes"):
        command(bench.site, other, bench.gates)
    assert bench.versions() == [old]
    assert kept.read_bytes() == content


def test_a_model_that_is_not_served_is_registered_first(bench, tmp_path):
    path = make_variant(bench.coins, tmp_path / "pets.mar", "1.0", model="pets")
    with pytest.raises(ClientError, match=r"no model pets .*: `register` adds a new one"):
        rollout(bench.site, path, bench.gates)


def test_there_is_nothing_to_roll_back_to(bench):
    current = bench.default()
    with pytest.raises(ClientError, match=rf"coins {current} is the default, and 77 is not one"):
        rollback(bench.site, MODEL, bench.gates, to="77")


def test_ctrl_c_in_the_middle_leaves_the_old_version(bench):
    old = bench.default()

    def interrupt(sentence: str) -> None:
        if "timing" in sentence:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rollout(bench.watched(interrupt), bench.variant(), bench.gates)
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def test_a_store_that_cannot_be_changed_at_the_switch_undoes_it(bench, monkeypatch):
    old = bench.default()
    set_default = ManagementClient.set_default

    def lose_the_copy(self, model: str, version: str) -> None:
        set_default(self, model, version)
        (bench.site.store.folder / f".{MODEL}.publishing").unlink(missing_ok=True)

    with monkeypatch.context() as patched:
        patched.setattr(ManagementClient, "set_default", lose_the_copy)
        with pytest.raises(RolloutRefused, match="could not take the place of") as caught:
            rollout(bench.site, bench.variant(), bench.gates)
    assert caught.value.gate == "switch"
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def test_another_command_is_waited_for_by_hand(bench):
    with (
        bench.site.store.changing(MODEL),
        pytest.raises(StoreError, match="being changed by another command"),
    ):
        rollout(bench.site, bench.variant(), bench.gates)


@pytest.fixture(scope="module")
def cut_short(bench) -> Iterator[Changed]:
    """A rollout that was interrupted while it waited for the old version."""
    old = bench.default()

    def interrupt(sentence: str) -> None:
        if "answered everything" in sentence:
            raise KeyboardInterrupt

    yield rollout(bench.watched(interrupt), bench.variant(), bench.gates)
    # Which finds the old one still registered.
    assert rollback(bench.site, MODEL, bench.gates).new == old
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def serves_both(bench: Workbench, changed: Changed) -> bool:
    """Whether the new version is the default, now and after a restart, and the old one there."""
    assert bench.versions() == sorted([changed.old, changed.new])
    return [bench.answer()] == [changed.new] == bench.published()


def test_ctrl_c_after_the_switch_leaves_the_new_version(cut_short, bench):
    assert not cut_short.drained
    assert f"`unregister coins {cut_short.old}` removes it" in cut_short.warnings[0]
    assert serves_both(bench, cut_short)


def test_a_rollback_that_fails_leaves_what_was_registered(cut_short, bench):
    """Whoever names the old version still may."""
    nothing = bench.with_gates(images=[CheckImage("none", b"")])
    with pytest.raises(RolloutRefused, match="does not answer: none: 400"):
        rollback(bench.site, MODEL, nothing)
    assert serves_both(bench, cut_short)


def test_a_disk_that_is_full_does_not_keep_the_server_from_going_back(
    cut_short, bench, monkeypatch
):
    write = archive_files.write

    def full(path: Path, text: str) -> None:
        if path.name == f"{MODEL}.mar.sha256":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(archive_files, "write", full)
        with pytest.raises(UndoFailed, match=r"No space left.*Going back failed") as caught:
            rollback(bench.site, MODEL, bench.gates)
    assert isinstance(caught.value.__cause__, RolloutRefused)
    assert serves_both(bench, cut_short)


def test_a_restart_serves_the_version_that_was_rolled_out_and_no_other(serve, coins, tmp_path):
    """The last server's model API is off, as it is shipped."""
    folder = tmp_path / "store"
    folder.mkdir()
    make_variant(coins, folder / "coins-first.mar", "1.0")  # as somebody has named it
    gates = Gates([CheckImage("grey", GREY)], compare=False)
    new = make_variant(coins, tmp_path / "new.mar", "2.0", {WEIGHTS: nudged_weights(1.001)})
    third = make_variant(coins, tmp_path / "third.mar", "3.0")

    def refused(site: Site) -> None:
        with pytest.raises(ModelApiOff, match="python -m server --model-api"):
            rollout(site, third, gates)
        assert [one.version for one in site.management.versions(MODEL)] == ["1.0"]
        assert sorted(site.store.kept(MODEL)) == ["1.0", "2.0"]

    served, warnings = [], []
    for change, model_api in (
        (lambda site: warnings.extend(rollout(site, new, gates).warnings), True),
        (lambda site: rollback(site, MODEL, gates), True),
        (refused, False),
    ):
        with serve(tmp_path, folder, model_api=model_api) as server:
            server.wait_until_ready(MODEL, timeout_s=240)
            assert server.management.models() == [MODEL]
            served.append([one.version for one in server.management.versions(MODEL)])
            change(Site(server.management, server.inference, ModelStore(folder)))
        visible = {path.name for path in folder.iterdir() if path.name[0] != "."}
        assert visible == {"coins-first.mar", "coins-first.mar.sha256"}
    assert served == [["1.0"], ["2.0"], ["1.0"]]
    assert "A restart serves coins 2.0 from coins-first.mar" in warnings[0]
    assert "does not count requests for predictions (--metrics gives its address)" in warnings[1]
