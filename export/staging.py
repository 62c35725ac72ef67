"""Everything that goes into an archive, as files in one folder."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

import handler
from export.versions import installed_versions
from handler.layout import CONFIG_FILE, MODEL_CONFIG_FILE, WEIGHTS_FILE

_PACKAGES = ("torch", "torchvision", "sal-detectron2", "detectron2", "torch-model-archiver")


def stage(
    folder: Path,
    *,
    config_text: str,
    state_dict: Mapping[str, torch.Tensor],
    model_config: Path | None = None,
) -> None:
    """Write the files of an archive, but for its metadata and manifest.

    Args:
        folder: A folder; modules of the model's owner may lie there already.
        config_text: The config for serving.
        state_dict: Weights for inference.
        model_config: TorchServe's settings of the model, or None for those that are shipped.

    Raises:
        OSError: The disk is full, or the like.
    """
    shutil.copytree(
        Path(handler.__file__).parent,
        folder / "handler",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"),
    )
    (folder / CONFIG_FILE).write_text(config_text, encoding="utf-8")
    try:
        save_file(dict(state_dict), folder / WEIGHTS_FILE)
    except SafetensorError as error:  # what it makes of a full disk
        raise OSError(str(error)) from error
    source = model_config or Path(__file__).with_name(MODEL_CONFIG_FILE)
    shutil.copy(source, folder / MODEL_CONFIG_FILE)


def package_versions() -> dict[str, str]:
    """Versions of what an archive is made with, by package."""
    return {"handler": handler.__version__, **installed_versions(_PACKAGES)}
