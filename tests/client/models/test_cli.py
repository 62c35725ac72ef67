"""`python -m client models`: exit codes, sentences and JSON, on a real server."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from client.management import ManagementClient
from client.models.cli import main
from client.models.errors import StoreError
from client.models.store import ModelStore
from examples.coins.dataset import write_scenes
from tests.client.models.conftest import MODEL, full, of_the_bench
from torture.variants import (
    ENTRY,
    WEIGHTS,
    crashing_handler,
    nudged_weights,
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """Three drawn images of coins, with annotations."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 3, seed=11, size_hw=(128, 160))
    return folder


UNTIMED = ("--max-slowdown", "inf", "--rounds", "1")


def test_a_rollout_and_a_rollback(command, bench, scenes, monkeypatch):
    """A signal between the switch and the wait for the old version undoes neither."""
    old = bench.default()
    archive = bench.variant({WEIGHTS: nudged_weights(1.001)})
    conditions = ("--fail-if", "agreement<0.9", "--fail-if", "box_iou_median<0.9")
    code, out, err = command("rollout", archive, *UNTIMED, "--images", scenes, *conditions)
    new = bench.default()
    assert code == 0
    assert out.startswith(f"{MODEL} {new} is the default in the place of {old}.\n")
    assert "100% agree" in out
    assert "  passed    agreement<0.9: agreement is " in out
    assert "  passed    box_iou_median<0.9: box_iou_median is 0.99" in out
    assert f"comparing it with {old} on 3 images\n" in err
    assert f"{old} has answered everything and is unregistered." in out
    assert "verifying the archive\n" in err  # lines, where there is no terminal

    kept, interrupted = ModelStore.kept, []

    def interrupted_when_it_is_done(self, model: str) -> dict[str, Path]:
        if bench.default() == old:
            interrupted.append(os.kill(os.getpid(), signal.SIGTERM))
        return kept(self, model)

    with monkeypatch.context() as patched:
        patched.setattr(ModelStore, "kept", interrupted_when_it_is_done)
        code, out, err = command("rollback", MODEL, "--json")
    document = json.loads(out)
    assert interrupted
    assert (code, err) == (0, "")
    assert (document["old"], document["new"], document["drained"]) == (new, old, True)


def test_a_version_that_is_worse_on_images_of_the_users_own_is_refused(
    command, bench, scenes, tmp_path
):
    """On the check images alone it would pass."""
    old, archive = bench.default(), bench.variant({WEIGHTS: nudged_weights(1.7)})
    code, out, err = command(
        *("rollout", archive, "--json", *UNTIMED, "--min-agreement", "0.5"),
        *("--images", scenes, "--annotations", scenes / "scenes.json"),
        *("--fail-if", "ap_drop>0.01", "--fail-if", "agreement<0.1", "--fail-if", "ap_drop_low>0"),
        *("--report", tmp_path / "compared"),
    )
    document = json.loads(out)
    assert code == 1
    assert (document["error"], document["gate"]) == ("RolloutRefused", "conditions")
    assert document["message"] == [err.rstrip()]
    assert re.fullmatch(
        rf"coins \S+ beside {old}: ap_drop>0\.01: ap_drop is 0\.\d+; ap_drop_low>0: ap_drop_low is "
        rf"0\.\d+\. {tmp_path}/compared/report\.html shows it\.",
        err.rstrip(),
    )
    assert (tmp_path / "compared" / "report.html").is_file()
    assert bench.versions() == [old] == [bench.answer()] == bench.published()


def test_a_refused_rollout(command, bench, monkeypatch, tmp_path):
    """Its worker's words are in the log that `python -m server` writes, beside its key file."""
    monkeypatch.setenv("LOG_LOCATION", str(tmp_path))
    old, archive = bench.default(), bench.variant({ENTRY: crashing_handler})
    code, out, err = command("rollout", archive, "--json")
    document = json.loads(out)
    assert code == 1
    assert (document["error"], document["gate"]) == ("RolloutRefused", "load")
    assert document["message"] == [err.rstrip()]
    assert "Its worker says: OSError: no such device" in err
    assert bench.default() == old


def test_going_back_that_fails_has_an_exit_code_of_its_own(command, bench, second, monkeypatch):
    old, new = second.old, second.new
    set_default = ManagementClient.set_default

    def only_once(self, model: str, version: str) -> None:
        if version == old:
            raise StoreError("The server is gone.")
        set_default(self, model, version)

    with monkeypatch.context() as patched:
        patched.setattr(ModelStore, "publish", full)
        patched.setattr(ManagementClient, "set_default", only_once)
        code, out, _ = command("set-default", MODEL, new, "--json")
    assert code == 4
    document = json.loads(out)
    assert document["error"] == "UndoFailed"
    assert document["message"][0] == (
        "The disk is full. Going back failed as well: The server is gone. `list` says what is "
        "served now."
    )
    assert command("set-default", MODEL, old)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_undoes_and_a_second_one_does_not_interrupt_that(
    number, command, bench, second, monkeypatch
):
    """The first one comes when the new version is the default, the second one on the way back."""
    old, new = second.old, second.new
    published = bench.published()
    set_default = ManagementClient.set_default

    def interrupted(self, model: str, version: str) -> None:
        set_default(self, model, version)
        os.kill(os.getpid(), number)

    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it
    try:
        with monkeypatch.context() as patched:
            patched.setattr(ManagementClient, "set_default", interrupted)
            code, out, err = command("rollback", MODEL, "--to", new, "--json")
    finally:
        signal.signal(signal.SIGHUP, ignored)
    assert code == 130
    assert json.loads(out) == {
        "error": "Interrupted",
        "gate": None,
        "message": ["Interrupted; `list` says what is served now."],
    }
    assert "Interrupted" in err
    assert bench.answer() == old
    assert bench.published() == published
    assert new in bench.versions()


def closed_pipe() -> int:
    """What a program writes to when `head` has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def closed_terminal() -> int:
    main_end, terminal = os.openpty()
    os.close(main_end)
    return terminal


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("gone", [closed_pipe, closed_terminal])
def test_the_way_back_needs_nobody_who_reads_of_it(gone, command, bench, second, monkeypatch):
    """The signal comes when the new version is the default, as when a terminal is closed."""
    old, new = second.old, second.new
    published = bench.published()
    set_default = ManagementClient.set_default

    def hung_up(self, model: str, version: str) -> None:
        set_default(self, model, version)
        if version == new:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched, os.fdopen(gone(), "w") as nobody:
        patched.setattr(sys, "stdout", nobody)
        patched.setattr(sys, "stderr", nobody)
        patched.setattr(ManagementClient, "set_default", hung_up)
        code = command("rollback", MODEL, "--to", new)[0]
    assert code == 130
    assert bench.answer() == old
    assert bench.published() == published


ONE_WORKER = ("scale", MODEL, "--workers", "1")  # as it has


@pytest.mark.parametrize(
    ("words", "output", "code", "said"),
    [
        pytest.param(ONE_WORKER, closed_pipe, 0, None, id="done"),
        pytest.param(ONE_WORKER, full_disk, 0, "standard output: [Errno 28]", id="a full disk"),
        pytest.param(("unregister", MODEL, "77"), closed_pipe, 1, None, id="refused"),
        pytest.param(("list",), closed_pipe, 1, "", id="nothing to do but to say it"),
    ],
)
def test_the_exit_code_says_what_was_done(words, output, code, said, bench, pytestconfig):
    """Of a process, whose end flushes once more what could not be written; None: nor to stderr."""
    descriptor = output()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "client", "models", *words, *of_the_bench(bench)],
            cwd=pytestconfig.rootpath,
            stdout=descriptor,
            stderr=descriptor if said is None else subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(descriptor)
    assert ended.returncode == code
    assert said is None or said in ended.stderr
    assert "Traceback" not in (ended.stderr or "")


def test_a_server_that_is_not_there(capsys, unused_port, tmp_path):
    url = f"http://127.0.0.1:{unused_port}"
    assert main(["list", "--management", url, "--key-folder", str(tmp_path)]) == 1
    assert "No answer from" in capsys.readouterr().err


def test_a_model_store_that_is_not_known(capsys, unused_port, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"http://127.0.0.1:{unused_port}"
    assert main(["rollout", "x.mar", "--management", url]) == 1
    assert "--model-store names it" in capsys.readouterr().err
