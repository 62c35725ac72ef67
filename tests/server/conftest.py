"""What tests of servers start and change."""

import shutil
from pathlib import Path

import pytest

from server.properties import Properties, write_properties


@pytest.fixture
def config_file(free_properties: Properties, tmp_path: Path) -> Path:
    """The shipped `config.properties` on ports of its own."""
    file = tmp_path / "config.properties"
    write_properties(file, free_properties)
    return file


@pytest.fixture
def model_store(store: Path, tmp_path: Path) -> Path:
    """A model store with `tiny.mar` and its digest."""
    folder = tmp_path / "store"
    folder.mkdir()
    for file in store.glob("tiny.mar*"):
        shutil.copy(file, folder)
    assert (folder / "tiny.mar.sha256").is_file()
    return folder
