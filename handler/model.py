"""An opened archive -> the network and what the archive says of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from handler.config import build_from_config, parse_config
from handler.layout import CONFIG_FILE, WEIGHTS_FILE, sha256_of
from handler.lazy_config import build_from_lazy
from handler.metadata import ConfigKind, Metadata
from handler.model_input import InputBuilder, ModelInput
from handler.operators import install_missing
from handler.pasting import can_paste, run_and_paste
from handler.plain_yaml import parse_yaml
from handler.precision import prepare, running
from handler.predictions import PanopticIds
from handler.registering import import_registering


@dataclass(frozen=True)
class Model:
    """A network in evaluation mode on its device.

    Attributes:
        network: Built by Detectron2 from the archive's config, weights loaded, prepared for the
            archive's precision.
        metadata: The archive's `metadata.json`.
        device: Where the network is.
    """

    network: torch.nn.Module
    metadata: Metadata
    device: str

    @classmethod
    def load(cls, model_dir: Path, *, device: str) -> "Model":
        """Rebuild the model of an opened archive.

        Args:
            model_dir: Folder with `config.yaml`, `model.safetensors` and `metadata.json`; where the
                archive brings modules of its own, it is on Python's path.
            device: Where to run it: `cpu`, `cuda:0`, ...

        Raises:
            ValueError: Config or weights are not the ones that were exported, or do not fit.
        """
        metadata = Metadata.read(model_dir)
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            digest = sha256_of(model_dir / name)
            if digest != metadata.files[name]:
                raise ValueError(
                    f"{name} has sha256 {digest}, the archive was made with "
                    f"{metadata.files[name]}: it was damaged or exchanged."
                )
        for module in metadata.modules:
            import_registering(module)
        text = (model_dir / CONFIG_FILE).read_text(encoding="utf-8")
        network = build_network(
            text, kind=metadata.config_kind, modules=metadata.owner_modules, device=device
        )
        copy_weights(network, load_file(model_dir / WEIGHTS_FILE))
        prepare(network, metadata.precision)
        return cls(network=network, metadata=metadata, device=device)

    def input_builder(self) -> InputBuilder:
        """What prepares images as this network takes them, at its precision."""
        return InputBuilder(self.metadata.input, precision=self.metadata.precision)

    def padded_size_hw(self, model_input: ModelInput) -> tuple[int, int]:
        """Size to which the network pads this input when it is alone in its batch.

        Inputs of equal padded size see the same zeros around them whether they are run alone or
        stacked; others must not share a batch.
        """
        height, width = model_input.image.shape[-2:]
        backbone = getattr(self.network, "backbone", None)
        stride = max(getattr(backbone, "size_divisibility", 1), 1)
        return _round_up(height, stride), _round_up(width, stride)

    @property
    def panoptic_ids(self) -> PanopticIds | None:
        """How the network writes segments into ids, where it lists none (Panoptic-DeepLab)."""
        meta = getattr(self.network, "meta", None)
        divisor = getattr(meta, "label_divisor", None)
        if meta is None or divisor is None:
            return None
        things = frozenset(meta.thing_dataset_id_to_contiguous_id.values())
        return PanopticIds(int(divisor), things)

    def predict(self, model_inputs: list[ModelInput]) -> list[dict[str, Any]]:
        """Run one forward pass over inputs of equal padded size.

        Returns:
            Detectron2's output dictionary for each input; masks may be `CroppedMasks`.
        """
        with torch.inference_mode(), running(self.metadata.precision, device=self.device):
            inputs = [network_input(self.network, one, self.device) for one in model_inputs]
            run = run_and_paste if can_paste(self.network, device=self.device) else _run
            return run(self.network, inputs)


def _run(network: torch.nn.Module, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = network(inputs)
    return outputs


def network_input(network: torch.nn.Module, model_input: ModelInput, device: str) -> dict[str, Any]:
    """An input in Detectron2's model input format, its image on the device already.

    Args:
        network: Whose input it is. Of Detectron2's own, the image stays bytes: the first thing that
            they do is to subtract a mean in float32, with the same result.
        model_input: The prepared image.
        device: Where the network is.
    """
    given = model_input.as_dict()
    image = model_input.image
    if device.startswith("cuda"):
        image = image.pin_memory().to(device, non_blocking=True)
    if not type(network).__module__.startswith("detectron2."):
        image = image.float()  # somebody's own may do more than that
    return {**given, "image": image}


def build_network(
    text: str, *, kind: ConfigKind, modules: Collection[str] = (), device: str
) -> torch.nn.Module:
    """Build the network of an archive's `config.yaml`, without weights, in evaluation mode.

    Args:
        text: Content of the file.
        kind: How to read it.
        modules: Modules of the model's owner that a config of kind `lazy` may name.
        device: Where the network goes.
    """
    install_missing(device=device)
    if kind == "yacs":
        network = build_from_config(parse_config(text), device=device)
    else:
        network = build_from_lazy(parse_yaml(text), modules=modules).to(device)
    return network.eval()


def copy_weights(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy tensors into a network, name by name, converting nothing.

    `load_state_dict` would run the hooks with which modules mend checkpoints of older releases;
    they tell the age by marks that safetensors do not carry, and would mend what is whole.

    Raises:
        ValueError: Names or shapes differ.
    """
    state = network.state_dict()
    if differing := state.keys() ^ tensors.keys():
        raise ValueError(
            f"The weights do not fit the installed Detectron2's network: {sorted(differing)} "
            "stand on one side alone."
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            if state[name].shape != tensor.shape:
                raise ValueError(
                    f"The weights do not fit the installed Detectron2's network: {name} has shape "
                    f"{tuple(tensor.shape)}, the network's is {tuple(state[name].shape)}."
                )
            state[name].copy_(tensor)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
