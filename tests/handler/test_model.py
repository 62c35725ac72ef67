import shutil
from pathlib import Path

import pytest

from handler.metadata import Metadata
from handler.model import CONFIG_FILE, WEIGHTS_FILE, Model


@pytest.fixture
def copy(opened: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(opened, tmp_path / "copy"))


def test_is_ready_for_inference(opened):
    model = Model.load(opened, device="cpu")
    assert not model.network.training
    assert model.config.is_frozen()
    assert model.metadata.classes == ("red", "green", "blue")


def test_refuses_weights_that_were_exchanged(copy):
    weights = copy / WEIGHTS_FILE
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or exchanged"):
        Model.load(copy, device="cpu")


def test_refuses_weights_of_another_network(copy):
    config = copy / CONFIG_FILE
    config.write_text(config.read_text().replace("NUM_CLASSES: 3", "NUM_CLASSES: 4"))
    with pytest.raises(RuntimeError, match="size mismatch"):
        Model.load(copy, device="cpu")


def test_refuses_metadata_of_a_newer_export(copy):
    file = copy / "metadata.json"
    file.write_text(file.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(ValueError, match="format version 2, this handler reads 1"):
        Metadata.read(copy)


def test_metadata_survives_its_file(tmp_path):
    metadata = Metadata(classes=("a", "ü"), weights_sha256="0" * 64, exported_with={"torch": "2"})
    (tmp_path / "metadata.json").write_text(metadata.to_json(), encoding="utf-8")
    assert Metadata.read(tmp_path) == metadata
