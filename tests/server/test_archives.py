import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from server.archives import check_archives
from server.errors import ServerError
from server.properties import write_properties
from server.torchserve import TorchServe


@pytest.fixture
def model_store(store: Path, tmp_path: Path) -> Path:
    """A model store with `tiny.mar` and its digest."""
    folder = tmp_path / "store"
    folder.mkdir()
    for file in store.glob("tiny.mar*"):
        shutil.copy(file, folder)
    assert (folder / "tiny.mar.sha256").is_file()
    return folder


def rewrite(archive: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Pack an archive again with other files in it, without a digest."""
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    archive.with_name(f"{archive.name}.sha256").unlink()


def flip_a_bit(archive: Path, at: float) -> None:
    content = bytearray(archive.read_bytes())
    content[int(len(content) * at)] ^= 1
    archive.write_bytes(content)


def cut_off(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-1000])


@pytest.mark.parametrize("models", [["all"], ["ALL"], ["tiny.mar"], ["pets=tiny.mar"]])
def test_a_whole_archive_passes(models, model_store):
    assert check_archives(model_store, models) == []


def test_an_archive_without_its_digest_passes(model_store):
    (model_store / "tiny.mar.sha256").unlink()
    assert check_archives(model_store, ["all"]) == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda archive: flip_a_bit(archive, 0.1), id="a bit at the start"),
        pytest.param(lambda archive: flip_a_bit(archive, 0.9), id="a bit near the end"),
        pytest.param(cut_off, id="cut off"),
        pytest.param(lambda archive: archive.write_bytes(b""), id="empty"),
    ],
)
def test_what_differs_from_its_digest_is_refused(damage, model_store):
    damage(model_store / "tiny.mar")
    match = r"^tiny\.mar is not what was exported: its sha256 is \w{64}, tiny\.mar\.sha256 says \w"
    with pytest.raises(ServerError, match=match):
        check_archives(model_store, ["all"])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda archive: flip_a_bit(archive, 0.5), id="a bit"),
        pytest.param(cut_off, id="cut off"),
        pytest.param(lambda archive: archive.write_bytes(b""), id="empty"),
        pytest.param(lambda archive: archive.write_bytes(b"hello" * 99), id="no zip"),
    ],
)
def test_without_a_digest_damage_is_refused_as_well(damage, model_store):
    (model_store / "tiny.mar.sha256").unlink()
    damage(model_store / "tiny.mar")
    with pytest.raises(ServerError, match=r"^tiny\.mar (is damaged|cannot be read): "):
        check_archives(model_store, ["all"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(b"", "is empty; keys with values are needed.", id="empty"),
        pytest.param(b"# no more\n", "is empty; keys with values are needed.", id="comment"),
        pytest.param(b"- 1\n", "holds a list; keys with values are needed.", id="list"),
        pytest.param(b"five\n", "holds a str; keys with values are needed.", id="text"),
        pytest.param(b"a: [\n", "is not YAML: ", id="no YAML"),
        pytest.param(b"\xff\xfe\xfd", "is not YAML: ", id="no text"),
    ],
)
def test_settings_that_torchserve_cannot_read_are_refused(text, sentence, model_store):
    rewrite(model_store / "tiny.mar", lambda files: files.update({"model-config.yaml": text}))
    with pytest.raises(ServerError, match=f"^tiny.mar: its model-config.yaml {sentence}"):
        check_archives(model_store, ["all"])


def test_an_archive_without_settings_passes(model_store):
    def change(files: dict[str, bytes]) -> None:
        manifest = json.loads(files["MAR-INF/MANIFEST.json"])
        del manifest["model"]["configFile"]
        files["MAR-INF/MANIFEST.json"] = json.dumps(manifest).encode()

    rewrite(model_store / "tiny.mar", change)
    assert check_archives(model_store, ["all"]) == []


def test_an_archive_of_somebody_else_is_named(model_store):
    rewrite(model_store / "tiny.mar", lambda files: files.pop("metadata.json"))
    (sentence,) = check_archives(model_store, ["all"])
    assert sentence.startswith("tiny.mar is not of `python -m export`")


@pytest.mark.parametrize("models", ["all", "tiny.mar"])
@pytest.mark.parametrize("name", [".", "tiny.mar"], ids=["the folder", "the archive"])
def test_what_may_not_be_read_is_refused(name, models, model_store, config_file, pytestconfig):
    prefix = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and there is no setpriv to stop it")
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    (model_store / name).chmod(0)
    try:
        result = subprocess.run(
            [
                *(*prefix, sys.executable, "-m", "server", "--ts-config", str(config_file)),
                *("--model-store", str(model_store), "--models", models),
            ],
            cwd=pytestconfig.rootpath,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (model_store / name).chmod(0o700)
    assert (result.returncode, result.stdout) == (1, "")
    assert "cannot be read: " in result.stderr
    assert "Permission denied" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_manifest_that_is_not_there_is_refused(model_store):
    rewrite(model_store / "tiny.mar", lambda files: files.pop("MAR-INF/MANIFEST.json"))
    with pytest.raises(ServerError, match=r"tiny\.mar cannot be read: .*MANIFEST"):
        check_archives(model_store, ["all"])


def test_every_problem_is_told_at_once(model_store):
    shutil.copy(model_store / "tiny.mar", model_store / "other.mar")
    cut_off(model_store / "tiny.mar")
    cut_off(model_store / "other.mar")
    with pytest.raises(ServerError) as caught:
        check_archives(model_store, ["tiny.mar", "x=other.mar", "none.mar"])
    lines = str(caught.value).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["tiny.mar", "other.mar", "There", "Nothing"]


def test_an_archive_that_is_not_asked_for_is_not_looked_at(model_store):
    (model_store / "other.mar").write_bytes(b"")
    assert check_archives(model_store, ["tiny.mar"]) == []


def test_an_archive_that_is_only_kept_is_not_looked_at(model_store):
    (model_store / ".tiny-0.9.mar").write_bytes(b"damaged")
    assert check_archives(model_store, ["all"]) == []


def test_the_command_refuses_in_a_sentence(model_store, config_file, pytestconfig):
    flip_a_bit(model_store / "tiny.mar", 0.5)
    command = [sys.executable, "-m", "server", "--ts-config", str(config_file)]
    result = subprocess.run(
        [*command, "--model-store", str(model_store)],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("tiny.mar is not what was exported: its sha256 is ")


def test_empty_settings_take_torchserve_down(model_store, free_properties, tmp_path):
    """Why they are refused: the other models of the store go with it."""
    rewrite(model_store / "tiny.mar", lambda files: files.update({"model-config.yaml": b""}))
    write_properties(tmp_path / "config.properties", free_properties)
    with TorchServe(
        config=tmp_path / "config.properties",
        model_store=model_store,
        work_dir=tmp_path / "run",
        output=subprocess.DEVNULL,
    ) as server:
        assert server.has_ended(within_s=60)
