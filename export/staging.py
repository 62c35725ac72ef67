"""Everything that goes into an archive, as files in one folder."""

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

from detectron2.config import CfgNode
from safetensors.torch import save_file

import handler
from export.weights import StateDict
from handler.metadata import FILE_NAME as METADATA_FILE
from handler.metadata import Metadata
from handler.model import CONFIG_FILE, WEIGHTS_FILE, sha256_of

MODEL_CONFIG_FILE = "model-config.yaml"

_PACKAGES = ("torch", "torchvision", "sal-detectron2", "detectron2", "torch-model-archiver")


def stage(folder: Path, *, config: CfgNode, state_dict: StateDict, classes: Sequence[str]) -> None:
    """Write the files of an archive, but for the manifest.

    Args:
        folder: An empty folder.
        config: The config for serving.
        state_dict: Weights for inference.
        classes: Class names by class id.
    """
    shutil.copytree(
        Path(handler.__file__).parent,
        folder / "handler",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"),
    )
    (folder / CONFIG_FILE).write_text(config.dump(), encoding="utf-8")
    save_file(state_dict, folder / WEIGHTS_FILE)
    metadata = Metadata(
        classes=tuple(classes),
        weights_sha256=sha256_of(folder / WEIGHTS_FILE),
        exported_with=_versions(),
    )
    (folder / METADATA_FILE).write_text(metadata.to_json(), encoding="utf-8")
    shutil.copy(Path(__file__).with_name(MODEL_CONFIG_FILE), folder / MODEL_CONFIG_FILE)


def _versions() -> dict[str, str]:
    versions = {"handler": handler.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
