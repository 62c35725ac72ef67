"""What tests of the export share."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from export.cli import main
from handler.metadata import Metadata


class Exporter:
    """Runs `python -m export` in this process, into a model store of its own."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"

    def __call__(self, *flags: str, **options: Any) -> int:
        options = {"model_name": "model", "version": "1.0", "export_path": self.store, **options}
        words = [
            word
            for name, value in options.items()
            if value is not None
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        return main([*words, *flags])

    @property
    def archive(self) -> Path:
        return self.store / "model.mar"

    def read(self, name: str) -> str:
        with zipfile.ZipFile(self.archive) as archive:
            return archive.read(name).decode()

    @property
    def metadata(self) -> Metadata:
        return Metadata.from_json(self.read("metadata.json"))

    @property
    def leftovers(self) -> list[str]:
        return [path.name for path in self.store.glob("*")] if self.store.exists() else []


@pytest.fixture
def exporter(tmp_path: Path) -> Exporter:
    return Exporter(tmp_path)
