"""What TorchServe itself makes of the archives that `python -m server` refuses or names."""

import contextlib
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.errors import ClientError
from server.archives import check_archives
from server.errors import ServerError
from server.properties import Properties, write_properties
from server.torchserve import TorchServe
from tests.server.test_archives import rewrite


def foreign(archive: Path, settings: bytes | None = b"minWorkers: 0\nmaxWorkers: 0\n") -> None:
    """An archive as somebody else would make it."""
    model = {"modelName": archive.stem, "modelVersion": "1.0", "handler": "one.py"}
    with zipfile.ZipFile(archive, "w") as written:
        manifest = {"runtime": "python", "model": {**model, "configFile": "model-config.yaml"}}
        written.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        written.writestr("one.py", "def handle(data, context):\n    return data\n")
        if settings is not None:
            written.writestr("model-config.yaml", settings)


@contextlib.contextmanager
def serving(model_store: Path, properties: Properties, folder: Path) -> Iterator[TorchServe]:
    """A TorchServe that has gone through all archives; it starts no workers."""
    properties = {**properties, "default_workers_per_model": "0"}
    write_properties(folder / "config.properties", properties)
    with TorchServe(
        config=folder / "config.properties",
        model_store=model_store,
        work_dir=folder / "run",
        output=subprocess.DEVNULL,
    ) as server:
        for _ in range(240):
            assert not server.has_ended(within_s=0.25)
            with contextlib.suppress(ClientError):
                server.management.models()
                break
        yield server


def test_torchserve_loads_what_is_said_that_it_loads(model_store, free_properties, tmp_path):
    (model_store / "tiny.mar").unlink()
    for name in ("folder", "x.mar", ".git"):
        (model_store / name).mkdir()
    for name in ("x.model", "x.tar.gz", "README.md", "x.zip", "X.MAR", ".x.mar"):
        (model_store / name).write_bytes(b"")
    (model_store / "gone.mar").symlink_to("nowhere")
    listed = {sentence.split(" ")[0] for sentence in check_archives(model_store, ["all"])}
    with serving(model_store, free_properties, tmp_path) as server:
        served = server.management.models()
        log = server.log_since_start("ts_log.log")
    failed = re.findall(r"Failed to load model: \S+/(\S+)", log)
    assert "gone.mar" in failed
    assert {one.removesuffix(".mar") for one in (*served, *failed)} == {
        one.removesuffix(".mar") for one in listed
    }


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"- 1\n", id="list"),
        pytest.param(b"five\n", id="text"),
        pytest.param(b"1: 2\n", id="a key that is no text"),
        pytest.param(b"torchrun: {1: 2}\n", id="one of torchrun"),
    ],
)
def test_some_settings_take_torchserve_down(settings, model_store, free_properties, tmp_path):
    """Why they are refused: the other models of the store go with it."""
    rewrite(model_store / "tiny.mar", lambda files: files.update({"model-config.yaml": settings}))
    write_properties(tmp_path / "config.properties", free_properties)
    with TorchServe(
        config=tmp_path / "config.properties",
        model_store=model_store,
        work_dir=tmp_path / "run",
        output=subprocess.DEVNULL,
    ) as server:
        assert server.has_ended(within_s=60)


PASSED_OVER = {
    "absent": None,
    "syntax": b"a: [\n",
    "tag": b"a: !env HOME\n",
    "two_documents": b"a: 1\n---\nb: 1\n",
}


def test_settings_of_others_that_torchserve_passes_over_stop_nothing(
    model_store, free_properties, tmp_path
):
    (model_store / "tiny.mar").unlink()
    for name, settings in PASSED_OVER.items():
        foreign(model_store / f"{name}.mar", settings)
        whose, passed_over = check_archives(model_store, [f"{name}.mar"])
        assert whose.startswith(f"{name}.mar is not as `python -m export` made it: ")
        assert passed_over.startswith(f"{name}.mar: its model-config.yaml ")
        assert passed_over.endswith("TorchServe serves it without these settings.")
    with serving(model_store, free_properties, tmp_path) as server:
        assert sorted(server.management.models()) == list(PASSED_OVER)


def test_an_archive_cut_between_two_files_is_whole_to_torchserve(
    model_store, free_properties, tmp_path
):
    """It reads from the start, and takes the end of what it can read for the end."""
    archive = model_store / "tiny.mar"
    with zipfile.ZipFile(archive) as opened:
        half = len(opened.infolist()) // 2
        lost = opened.infolist()[half:]
    content = archive.read_bytes()[: lost[0].header_offset + 10]
    archive.write_bytes(content)
    with pytest.raises(ServerError, match=r"^tiny\.mar is not what was exported: "):
        check_archives(model_store, ["all"])
    (model_store / "tiny.mar.sha256").unlink()
    with pytest.raises(ServerError, match=r"^tiny\.mar cannot be read: "):
        check_archives(model_store, ["all"])
    with serving(model_store, free_properties, tmp_path) as server:
        assert server.management.models() == ["tiny"]
        assert "Failed to load model" not in server.log_since_start("ts_log.log")
