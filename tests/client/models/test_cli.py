"""`python -m client models`: exit codes, sentences and JSON, on a real server."""

import json
import subprocess
import sys

import pytest

from client.__main__ import main as client_main
from client.models.cli import build_parser, main
from tests.client.models.conftest import MODEL
from torture.variants import ENTRY, WEIGHTS, failing_handler, nudged_weights

COMMANDS = (
    "list", "show", "register", "scale", "set-default", "unregister", "rollout", "rollback",
)  # fmt: skip


@pytest.fixture
def command(bench, tmp_path, capsys):
    """Runs a command against the server; returns exit code, stdout and stderr."""
    image = tmp_path / "coins.png"
    image.write_bytes(bench.gates.images[0].content)

    def run(name: str, *words: str):
        site = [
            *("--ts-config", str(bench.folder / "config.properties")),
            *("--key-folder", str(bench.folder / "run")),
        ]
        if name in ("rollout", "rollback"):
            site += ["--image", str(image)]
        code = main([name, *map(str, words), *site])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_rollout_and_a_rollback(command, bench):
    old = bench.default()
    archive = bench.variant({WEIGHTS: nudged_weights(1.001)})
    code, out, err = command("rollout", archive, "--max-slowdown", "inf", "--rounds", "1")
    new = bench.default()
    assert code == 0
    assert out.startswith(f"{MODEL} {new} is the default in the place of {old}.\n")
    assert "100% agree" in out
    assert f"{old} has answered everything and is unregistered." in out
    assert "verifying the archive\n" in err  # lines, where there is no terminal

    code, out, err = command("rollback", MODEL, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["old"], document["new"], document["drained"]) == (new, old, True)


def test_a_refused_rollout(command, bench):
    old, archive = bench.default(), bench.variant({ENTRY: failing_handler})
    code, out, err = command("rollout", archive)
    assert (code, out) == (1, "")
    assert "does not answer" in err
    code, out, err = command("rollout", archive, "--json")
    document = json.loads(out)
    assert code == 1
    assert (document["error"], document["gate"]) == ("RolloutRefused", "answers")
    assert bench.default() == old


def test_versions_side_by_side_by_hand(command, bench):
    old, archive = bench.default(), bench.variant()
    code, out, _ = command("register", archive)
    assert code == 0
    new = next(one for one in bench.versions() if one != old)
    assert f"{MODEL} {new} is served beside {old}. Ask for it at /predictions/{MODEL}/{new}" in out
    assert command("register", archive)[0] == 1  # a version never changes

    code, out, _ = command("show", MODEL)
    assert f"  {old:<12} default  READY" in out
    assert f"  {new:<12}          READY" in out
    assert command("list")[1] == out

    code, out, err = command("unregister", MODEL, old)
    assert code == 1
    assert f"{old} is the default: `set-default {MODEL} VERSION` first, with one of {new}" in err

    assert command("set-default", MODEL, new)[0] == 0
    assert bench.answer() == new == bench.site.store.published(MODEL)[0][0]
    assert command("set-default", MODEL, "77")[0] == 1
    assert command("set-default", MODEL, old)[0] == 0
    assert bench.site.store.published(MODEL)[0][0] == old

    assert command("unregister", MODEL, new)[0] == 0
    assert bench.versions() == [old]
    code, _, err = command("unregister", MODEL, new)
    assert code == 1
    assert f"{MODEL} {new} is not registered; registered: {old}." in err
    code, _, err = command("unregister", MODEL, old)
    assert code == 1
    assert "is the only version" in err


def test_scaling(command, bench):
    assert command("scale", MODEL, "--workers", "2")[0] == 0
    assert len(bench.site.management.version(MODEL).workers) == 2
    code, _, err = command("scale", MODEL, "--workers", "1")
    assert code == 1
    assert "has 2 workers. TorchServe ends those that are too many at once" in err
    assert command("scale", MODEL, "--workers", "1", "--force")[0] == 0
    assert len(bench.site.management.version(MODEL).workers) == 1


def test_a_new_model_becomes_its_own_default_and_can_be_removed(command, bench, store, tmp_path):
    code, out, _ = command("register", store / "tiny.mar")
    assert code == 0
    assert "tiny 1.0 is served as the default. Ask for it at /predictions/tiny." in out
    assert [version for version, _ in bench.site.store.published("tiny")] == ["1.0"]
    assert sorted(bench.site.management.models()) == [MODEL, "tiny"]
    document = json.loads(command("list", "--json")[1])
    assert [one["model"] for one in document["models"]] == [MODEL, "tiny"]
    assert document["models"][1]["after_restart"] == ["1.0"]

    assert command("unregister", "tiny", "1.0", "--force")[0] == 0
    assert bench.site.store.published("tiny") == []
    assert bench.site.management.models() == [MODEL]
    code, _, err = command("show", "tiny", "--json")
    assert code == 1
    assert "404" in err


def test_says_when_a_restart_would_serve_something_else(command, bench):
    old = bench.default()
    command("register", bench.variant())
    new = next(one for one in bench.versions() if one != old)
    bench.site.management.set_default(MODEL, new)  # as curl would
    _, _, err = command("list")
    assert f"{MODEL} {new} is the default, and a restart would serve {old}" in err
    bench.site.management.set_default(MODEL, old)
    assert "a restart" not in command("list")[2]
    command("unregister", MODEL, new)


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
