"""`python -m client models`: exit codes, sentences and JSON, on a real server."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from client.__main__ import main as client_main
from client.http import send
from client.management import ManagementClient
from client.models.arguments import build_parser
from client.models.cli import main
from client.models.errors import StoreError
from client.models.store import ModelStore
from examples.coins.dataset import write_scenes
from tests.client.models.conftest import MODEL
from torture.variants import (
    ENTRY,
    WEIGHTS,
    crashing_handler,
    make_variant,
    nudged_weights,
)

COMMANDS = (
    "list", "show", "register", "scale", "set-default", "unregister", "rollout", "rollback",
)  # fmt: skip


def of_the_bench(bench) -> list[str]:
    return [
        *("--ts-config", str(bench.folder / "config.properties")),
        *("--key-folder", str(bench.folder / "run")),
    ]


@pytest.fixture
def command(bench, tmp_path, capsys):
    """Runs a command against the server; returns exit code, stdout and stderr."""
    image = tmp_path / "coins.png"
    image.write_bytes(bench.gates.images[0].content)

    def run(name: str, *words: str):
        site = of_the_bench(bench)
        if name in ("rollout", "rollback"):
            site += ["--image", str(image)]
        code = main([name, *map(str, words), *site])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """Three drawn images of coins, with annotations."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 3, seed=11, size_hw=(128, 160))
    return folder


@dataclass(frozen=True)
class Second:
    """A version beside the default one, `old`, and what the command said that registered it."""

    old: str
    new: str
    archive: Path
    said: str


@pytest.fixture(scope="module")
def second(bench) -> Iterator[Second]:
    old, archive, said = bench.default(), bench.variant(), io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["register", str(archive), *of_the_bench(bench)]) == 0
    (new,) = (one for one in bench.versions() if one != old)
    yield Second(old, new, archive, said.getvalue())
    assert bench.default() == old
    assert main(["unregister", MODEL, new, *of_the_bench(bench)]) == 0
    assert bench.versions() == [old]


def full(*arguments: object, **named: object) -> None:
    raise StoreError("The disk is full.")


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--fail-if", "slowdown>2"], "--fail-if is about --images", id="no images"),
        pytest.param(["--annotations", "a.json"], "--annotations is about --images", id="of what"),
        pytest.param(["--report", "out"], "--report is about --images", id="a report of nothing"),
        pytest.param(
            ["--images", "val", "--fail-if", "ap_drop>0.01"], "AP takes annotations", id="no AP"
        ),
        pytest.param(
            ["--images", "a", "b", "--annotations", "a.json"], "the one folder", id="two folders"
        ),
        pytest.param(["--images", "val", "--fail-if", "ap>0"], "names ap, which is", id="no name"),
    ],
)
def test_conditions_that_cannot_be_are_wrong_usage(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rollout", "new.mar", *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


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
    try:
        assert "is not a record of versions" in command("show", MODEL)[2]
        code, _, err = command("rollback", MODEL)
        assert code == 1
        assert "nothing was before it" in err
        assert "`rollback --to` names one" in err
    finally:
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


def test_a_server_that_is_not_there(capsys, unused_port, tmp_path):
    url = f"http://127.0.0.1:{unused_port}"
    assert main(["list", "--management", url, "--key-folder", str(tmp_path)]) == 1
    assert "No answer from" in capsys.readouterr().err


def test_a_model_store_that_is_not_known(capsys, unused_port, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"http://127.0.0.1:{unused_port}"
    assert main(["rollout", "x.mar", "--management", url]) == 1
    assert "--model-store names it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no command"),
        pytest.param(["frobnicate"], id="unknown command"),
        pytest.param(["rollout"], id="no archive"),
        pytest.param(["rollout", "x.mar", "--min-agreement", "2"], id="share above 1"),
        pytest.param(["rollout", "x.mar", "--max-slowdown", "0"], id="no slowdown at all"),
        pytest.param(["rollback", "coins", "--drain-quiet", "-1"], id="quiet in the past"),
        pytest.param(["scale", "coins", "--workers", "0"], id="no workers"),
    ],
)
def test_usage_errors(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name, capsys):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([name, "--help"])
    assert caught.value.code == 0
    assert "--key-folder" in capsys.readouterr().out


def test_the_client_names_its_commands(capsys):
    with pytest.raises(SystemExit) as caught:
        client_main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "models" in said
    assert "ready" in said


def test_runs_as_a_module(pytestconfig):
    result = subprocess.run(
        [sys.executable, "-m", "client", "models", "--help"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rollout build/pets.mar" in result.stdout
