"""An archive that is exported anew under the same version, between two runs."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from client.predict.cli import main
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from tests.client.predict.conftest import load


@pytest.fixture
def serve(pytestconfig, store, tmp_path):
    """Starts a server of a model store of its own, always on the same ports."""
    config = tmp_path / "config.properties"
    write_properties(
        config, with_free_ports(read_properties(pytestconfig.rootpath / "config.properties"))
    )
    (tmp_path / "store").mkdir()
    shutil.copy(store / "tiny.mar", tmp_path / "store")

    def make() -> TorchServe:
        return TorchServe(
            config=config,
            model_store=tmp_path / "store",
            models=["tiny.mar"],
            work_dir=tmp_path / "run",
            output=subprocess.DEVNULL,
        )

    return make


def rename_a_class(archive: Path) -> None:
    """What another export with other --classes gives: its metadata differ, and no other file."""
    before = archive.with_suffix(".before")
    archive.rename(before)
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(archive, "w") as new:
        for one in old.infolist():
            content = old.read(one)
            if one.filename == "metadata.json":
                assert b'"red"' in content
                content = content.replace(b'"red"', b'"crimson"')
            new.writestr(one, content)


def test_its_answers_are_not_mixed_with_those_of_the_other(
    serve, photographs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = ["photographs", "--output", "out", "--key-folder", "run", "--no-pictures"]
    (photographs / "bad.jpg").unlink()
    with serve() as server:
        server.wait_until_ready("tiny", timeout_s=120)
        assert main(words) == 0
        (photographs / "new.png").write_bytes((photographs / "0.png").read_bytes())
        rename_a_class(tmp_path / "store" / "tiny.mar")
    before = (tmp_path / "out" / "answers.jsonl").read_bytes()
    capsys.readouterr()
    with serve() as server:
        server.wait_until_ready("tiny", timeout_s=120)
        assert main(words) == 1
        said = capsys.readouterr().err
        assert "holds answers of tiny 1.0 as it was before it was exported anew (classes " in said
        assert (tmp_path / "out" / "answers.jsonl").read_bytes() == before
        assert main([*words, "--restart"]) == 0
    names = {one["class_name"] for one in load(tmp_path / "out" / "summary.json")["classes"]}
    assert "crimson" in names
    assert "red" not in names
