"""One real TorchServe for all tests that ask a server something."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from server.ports import with_free_ports
from server.properties import Properties, read_properties, write_properties
from server.torchserve import TorchServe

SECRET = "MY_SECRET_TOKEN"


def repack(archive: Path, destination: Path, **model_config: object) -> None:
    """Copy an archive with other lines in its model-config.yaml."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(destination, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model-config.yaml":
                content = yaml.safe_dump({**yaml.safe_load(content), **model_config}).encode()
            target.writestr(name, content)


@pytest.fixture
def config_file(free_properties: Properties, tmp_path: Path) -> Path:
    """The shipped `config.properties` on ports of its own."""
    file = tmp_path / "config.properties"
    write_properties(file, free_properties)
    return file


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
    """A server with `coins`, `tiny`, and `batched`: tiny in batches of four that wait to fill."""
    folder = tmp_path_factory.mktemp("served")
    model_store = folder / "store"
    model_store.mkdir()
    shutil.copy(coins, model_store)
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
    models = ["coins=coins.mar", "tiny=tiny.mar", "batched=batched.mar"]
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


@pytest.fixture
def model_store(store: Path, tmp_path: Path) -> Path:
    """A model store with `tiny.mar` and its digest."""
    folder = tmp_path / "store"
    folder.mkdir()
    for file in store.glob("tiny.mar*"):
        shutil.copy(file, folder)
    assert (folder / "tiny.mar.sha256").is_file()
    return folder
