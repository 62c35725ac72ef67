"""Fixtures that more than one folder of tests uses."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import yaml

from export.cli import main as export_main
from handler.detector import Detector
from server.ports import unused_ports, with_free_ports
from server.properties import Properties, read_properties, write_properties
from server.torchserve import TorchServe
from tests.distribution import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from tests.models import CLASSES, Training, save_training
from torture.variants import WEIGHTS, make_variant, nudged_weights

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]  # hooks of pytest

# The same examples every time: a test that fails by chance is mended by nobody. To look for more,
# run with --hypothesis-profile=default --hypothesis-seed=NUMBER.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile("same")


SECRET = "MY_SECRET_TOKEN"


def repack(archive: Path, destination: Path, **model_config: object) -> None:
    """Copy an archive with other lines in its model-config.yaml; None leaves a line out."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(destination, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model-config.yaml":
                lines = {**yaml.safe_load(content), **model_config}
                kept = {key: value for key, value in lines.items() if value is not None}
                content = yaml.safe_dump(kept).encode()
            target.writestr(name, content)


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


@pytest.fixture(scope="session")
def coins(pytestconfig: pytest.Config) -> Path:
    """The archive of the example, which `make test` exports first."""
    archive = pytestconfig.rootpath / "model_store" / "coins.mar"
    assert archive.is_file(), "make model_store/coins.mar first"
    return archive


@pytest.fixture(scope="session")
def served(
    pytestconfig: pytest.Config, store: Path, coins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TorchServe]:
    """A server with `coins`, `tiny`, and `batched`: tiny in batches of four that wait to fill.

    Of `coins` there is 2.0 beside the default version, whose boxes are worse.
    """
    folder = tmp_path_factory.mktemp("served")
    model_store = folder / "store"
    model_store.mkdir()
    shutil.copy(coins, model_store)
    make_variant(coins, model_store / "coins-2.mar", "2.0", {WEIGHTS: nudged_weights(1.7)})
    shutil.copy(store / "tiny.mar", model_store)
    repack(
        store / "tiny.mar",
        model_store / "batched.mar",
        batchSize=4,
        maxBatchDelay=5000,
        detectron2={"max_image_pixels": 20_000},
    )
    config_file = folder / "config.properties"
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    write_properties(config_file, with_free_ports(shipped))
    models = ["coins=coins.mar", "tiny=tiny.mar", "batched=batched.mar", "coins=coins-2.mar"]
    with pytest.MonkeyPatch.context() as patch, (folder / "output.log").open("wb") as output:
        patch.setenv(SECRET, "hunter2")
        with TorchServe(
            config=config_file,
            model_store=model_store,
            models=models,
            work_dir=folder / "run",
            output=output,
        ) as server:
            for model in models:
                server.wait_until_ready(model.partition("=")[0], timeout_s=240)
            yield server
