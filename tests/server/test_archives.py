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
        pytest.param(b"five\n", "holds a single value; keys with values are needed.", id="text"),
        pytest.param(b"~\n", "is empty; keys with values are needed.", id="null"),
        pytest.param(b"1: 2\n", "has the key 1, which is not text; in quotes it is.", id="number"),
        pytest.param(b"on: 2\n", "has the key on, which is not text", id="truth"),
        pytest.param(b"torchrun: {1: 2}\n", "has the key 1, which is not text", id="torchrun"),
        pytest.param(b"a: !env HOME\n", "is not plain YAML: could not determine", id="tag"),
        pytest.param(b"a: [\n", "is not plain YAML: ", id="no YAML"),
        pytest.param(b"\xff\xfe\xfd", "holds a single value", id="no text"),
        pytest.param(b"a: caf\xe9\n", "is not plain YAML: 'utf-8' codec", id="Latin 1"),
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
    (sentence,) = check_archives(model_store, ["all"])
    assert "changed or missing since its export: MAR-INF/MANIFEST.json" in sentence


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda files: files.pop("metadata.json"), id="no metadata"),
        pytest.param(lambda files: files.update({"metadata.json": b""}), id="empty metadata"),
        pytest.param(lambda files: files.update({"metadata.json": b"{}"}), id="none in it"),
        pytest.param(lambda files: files.update({"evil.py": b"x"}), id="a file more"),
        pytest.param(lambda files: files.update({"config.yaml": b"x"}), id="a file changed"),
        pytest.param(lambda files: files.pop("handler/image.py"), id="a file less"),
    ],
)
def test_an_archive_that_does_not_verify_is_named(change, model_store):
    rewrite(model_store / "tiny.mar", change)
    (sentence,) = check_archives(model_store, ["all"])
    assert sentence.startswith(
        "tiny.mar is not as `python -m export` made it: nothing tells whose code it runs. "
        "It does not verify: "
    )


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


@pytest.mark.parametrize("models", ["all", "folder,x.model,x.tar.gz,x.mar"])
def test_what_else_torchserve_loads_is_named(models, model_store):
    for name in ("folder", "x.mar", ".git"):
        (model_store / name).mkdir()
    for name in ("x.model", "x.tar.gz", "README.md", "x.zip", "X.MAR", ".x.mar"):
        (model_store / name).write_bytes(b"")
    said = check_archives(model_store, [models])
    assert {sentence.split(",")[0] for sentence in said} == {
        "folder is a folder",
        "x.mar is a folder",
        "x.model is no .mar file",
        "x.tar.gz is no .mar file",
    }
    assert all(one.endswith("nothing tells whose code it runs.") for one in said)


def test_a_link_that_leads_nowhere_stops_no_other_model(model_store):
    (model_store / "gone.mar").symlink_to("nowhere")
    (sentence,) = check_archives(model_store, ["all"])
    assert sentence == "gone.mar is not served: it is a link to nowhere, which is not there."
    with pytest.raises(ServerError, match=r"^There is no archive .*: it is a link to nowhere, "):
        check_archives(model_store, ["gone.mar"])


def test_a_link_to_an_archive_is_an_archive(model_store):
    (model_store / "tiny.mar").rename(model_store / ".kept.mar")
    (model_store / "tiny.mar").symlink_to(".kept.mar")
    assert check_archives(model_store, ["all"]) == []


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(lambda digest: digest.upper().encode(), id="capitals"),
        pytest.param(lambda digest: f"SHA256 (tiny.mar) = {digest}".encode(), id="BSD"),
        pytest.param(lambda digest: digest.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(lambda digest: digest.encode("utf-16"), id="UTF-16"),
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "damaged"])
def test_a_digest_is_read_in_every_spelling(spelling, whole, model_store):
    file = model_store / "tiny.mar.sha256"
    file.write_bytes(spelling(file.read_text().split()[0]))
    if whole:
        assert check_archives(model_store, ["all"]) == []
        return
    flip_a_bit(model_store / "tiny.mar", 0.5)
    with pytest.raises(ServerError, match=r"^tiny\.mar is not what was exported: "):
        check_archives(model_store, ["all"])


def test_a_digest_file_without_a_digest_is_refused_in_a_sentence(model_store):
    (model_store / "tiny.mar.sha256").write_bytes(b"")
    with pytest.raises(ServerError, match=r"^tiny\.mar\.sha256 says nothing; the 64 hexadecimal "):
        check_archives(model_store, ["all"])


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        pytest.param({"model": []}, '"model" is []; an object', id="a list"),
        pytest.param({"model": None}, '"model" is null; an object', id="null"),
        pytest.param({}, '"model" is null; an object', id="none"),
        pytest.param([], "is no object; an object", id="no object"),
        pytest.param({"model": {"configFile": 5}}, '"configFile" is 5; the name', id="settings"),
    ],
)
def test_a_manifest_of_another_shape_is_refused_in_a_sentence(manifest, sentence, model_store):
    changed = {"MAR-INF/MANIFEST.json": json.dumps(manifest).encode()}
    rewrite(model_store / "tiny.mar", lambda files: files.update(changed))
    with pytest.raises(ServerError) as caught:
        check_archives(model_store, ["all"])
    assert str(caught.value).startswith(f"tiny.mar: in its MAR-INF/MANIFEST.json {sentence}")


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
