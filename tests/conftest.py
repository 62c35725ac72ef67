"""Fixtures that more than one folder of tests uses."""

import zipfile
from pathlib import Path

import hypothesis
import pytest

from export.cli import main as export_main
from handler.detector import Detector
from server.ports import unused_ports, with_free_ports
from server.properties import Properties, read_properties
from tests.models import CLASSES, Training, save_training

# The same examples every time: a test that fails by chance is mended by nobody. To look for more,
# run with --hypothesis-profile=default --hypothesis-seed=NUMBER.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Config and checkpoint of a tiny model."""
    return save_training(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def store(training: Training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with `tiny.mar`, made by the real export."""
    folder = tmp_path_factory.mktemp("store")
    arguments = [
        *("--config-file", str(training.config_file)),
        *("--weights", str(training.weights)),
        *("--classes", ",".join(CLASSES)),
        *("--model-name", "tiny"),
        *("--version", "1.0"),
        *("--export-path", str(folder)),
    ]
    assert export_main(arguments) == 0
    return folder


@pytest.fixture(scope="session")
def opened(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny.mar`, opened as TorchServe opens it."""
    folder = tmp_path_factory.mktemp("opened")
    with zipfile.ZipFile(store / "tiny.mar") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def detector(opened: Path) -> Detector:
    return Detector.load(opened, device="cpu", name="tiny", version="1.0")


@pytest.fixture
def unused_port() -> int:
    return unused_ports(1)[0]


@pytest.fixture
def free_properties(pytestconfig: pytest.Config) -> Properties:
    """The shipped `config.properties` with ports of its own."""
    return with_free_ports(read_properties(pytestconfig.rootpath / "config.properties"))
