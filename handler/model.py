"""An opened archive -> the network, its config and what the archive says of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from safetensors.torch import load_file

from handler.config import parse_config
from handler.metadata import Metadata
from handler.model_input import ModelInput

CONFIG_FILE = "config.yaml"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class Model:
    """A network in evaluation mode on its device.

    Attributes:
        network: Built by Detectron2 from `config`, weights loaded.
        config: Frozen; `MODEL.DEVICE` is the worker's device.
        metadata: The archive's `metadata.json`.
    """

    network: torch.nn.Module
    config: CfgNode
    metadata: Metadata

    @classmethod
    def load(cls, model_dir: Path, *, device: str) -> "Model":
        """Rebuild the model of an opened archive.

        Args:
            model_dir: Folder with `config.yaml`, `model.safetensors` and `metadata.json`.
            device: Where to run it: `cpu`, `cuda:0`, ...

        Raises:
            ValueError: The weights are not the ones that were exported.
            RuntimeError: The weights do not fit the network.
        """
        metadata = Metadata.read(model_dir)
        weights_file = model_dir / WEIGHTS_FILE
        digest = sha256_of(weights_file)
        if digest != metadata.weights_sha256:
            raise ValueError(
                f"{WEIGHTS_FILE} has sha256 {digest}, the archive was made with "
                f"{metadata.weights_sha256}: it was damaged or exchanged."
            )
        config = parse_config((model_dir / CONFIG_FILE).read_text(encoding="utf-8"))
        config.MODEL.DEVICE = device
        network = build_network(config)
        network.load_state_dict(load_file(weights_file), strict=True)
        return cls(network=network, config=config, metadata=metadata)

    def padded_size_hw(self, model_input: ModelInput) -> tuple[int, int]:
        """Size to which the network pads this input when it is alone in its batch.

        Inputs of equal padded size see the same zeros around them whether they are run alone or
        stacked; others must not share a batch.
        """
        height, width = model_input.image.shape[-2:]
        backbone = getattr(self.network, "backbone", None)
        stride = max(getattr(backbone, "size_divisibility", 1), 1)
        return _round_up(height, stride), _round_up(width, stride)

    def predict(self, model_inputs: list[ModelInput]) -> list[dict[str, Any]]:
        """Run one forward pass over inputs of equal padded size.

        Returns:
            Detectron2's output dictionary for each input.
        """
        with torch.inference_mode():
            outputs: list[dict[str, Any]] = self.network([i.as_dict() for i in model_inputs])
        return outputs


def build_network(config: CfgNode) -> torch.nn.Module:
    """Build the untrained network of a config, in evaluation mode, on `MODEL.DEVICE`."""
    config.freeze()
    network: torch.nn.Module = build_model(config)
    return network.eval()


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
