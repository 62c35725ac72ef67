import json
import os
import zipfile
from pathlib import Path

import pytest

from export.cli import main
from export.errors import ExportError
from export.inspection import inspect


@pytest.fixture
def archive(store: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "tiny.mar"
    copy.write_bytes((store / "tiny.mar").read_bytes())
    (tmp_path / "tiny.mar.sha256").write_text((store / "tiny.mar.sha256").read_text())
    return copy


def rewrite(archive: Path, changes: dict[str, bytes | None]) -> None:
    """Change, add or remove (None) files of an archive."""
    with zipfile.ZipFile(archive) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    contents.update(changes)
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents.items():
            if content is not None:
                target.writestr(name, content)


def test_says_what_an_archive_holds(archive, capsys):
    assert main(["inspect", str(archive)]) == 0
    out = capsys.readouterr().out
    for words in (
        "tiny 1.0",
        "GeneralizedRCNN, answers with boxes, masks",
        "red, green, blue",
        "BGR, shorter side 96, longer side at most 192 pixels",
        "equals DefaultPredictor on 3 images",
        "torch 2.",
    ):
        assert words in out
    assert out.endswith("  whole\n")


def test_says_it_as_json(archive, capsys):
    assert main(["inspect", str(archive), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["is_whole"]
    assert document["metadata"]["verification"]["exact"]
    assert document["sha256"] == (archive.parent / "tiny.mar.sha256").read_text().split()[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"config.yaml": b"x"}, "CHANGED since its export: config.yaml", id="changed"),
        pytest.param({"handler/image.py": None}, "CHANGED .*: handler/image.py", id="removed"),
        pytest.param({"evil.py": b"x"}, "ADDED since its export: evil.py", id="added"),
        pytest.param({"model-config.yaml": b"batchSize: 8"}, "holds ANOTHER digest", id="settings"),
    ],
)
def test_finds_every_change(changes, words, archive, capsys):
    rewrite(archive, changes)
    assert main(["inspect", str(archive)]) == 1
    out = capsys.readouterr().out
    assert __import__("re").search(words, out)
    assert out.endswith("  NOT WHOLE\n")


def test_other_settings_alone_leave_it_whole(archive):
    rewrite(archive, {"model-config.yaml": b"batchSize: 8"})
    (archive.parent / "tiny.mar.sha256").unlink()
    found = inspect(archive)
    assert found.is_whole
    assert found.changed == ("model-config.yaml",)


def test_runs_nothing_of_it(archive, tmp_path):
    trap = f"import pathlib; pathlib.Path({str(tmp_path / 'run')!r}).touch()".encode()
    rewrite(archive, {"handler/__init__.py": trap, "detectron2_handler.py": trap})
    inspect(archive)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "not an archive", id="empty"),
        pytest.param(b"hello", "not an archive", id="text"),
        pytest.param(None, "not an archive", id="cut off"),
        pytest.param("zip", "not an archive.*MANIFEST", id="another zip"),
    ],
)
def test_refuses_what_is_no_archive(content, sentence, archive, capsys):
    if content == "zip":
        with zipfile.ZipFile(archive, "w") as target:
            target.writestr("a", "b")
    else:
        archive.write_bytes(archive.read_bytes()[:5000] if content is None else content)
    assert main(["inspect", str(archive)]) == 1
    error = capsys.readouterr().err
    assert __import__("re").search(sentence, error)
    assert "Traceback" not in error


def test_a_damaged_entry_is_found(archive):
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF  # in the middle of the weights
    archive.write_bytes(content)
    with pytest.raises(ExportError, match=r"is damaged, .*CRC"):
        inspect(archive)


def test_an_archive_that_is_not_there(tmp_path):
    with pytest.raises(ExportError, match="cannot be read"):
        inspect(tmp_path / "none.mar")


def test_needs_no_torch(archive, pytestconfig):
    import subprocess
    import sys

    code = (
        "import sys; from export.cli import main; code = main(['inspect', sys.argv[1]]);"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, archive],
        check=True,
        cwd=pytestconfig.rootpath,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
