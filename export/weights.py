"""Checkpoint -> exactly the tensors that inference needs, checked against the network."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from detectron2.config import CfgNode

from export.errors import ExportError
from handler.model import build_network

StateDict = dict[str, torch.Tensor]


def read_checkpoint(path: Path) -> StateDict:
    """Read the model's tensors from a `.pth`, leaving optimizer and scheduler behind.

    The file is untrusted: nothing but tensors and plain containers is unpickled.

    Raises:
        ExportError: Not a checkpoint, damaged, or one that wants to run code.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExportError(f"--weights {path} cannot be read: {error}.") from error
    except pickle.UnpicklingError as error:
        first_line = str(error).partition("\n")[0]
        raise ExportError(
            f"--weights {path} was not loaded, because it is not a checkpoint or holds more than "
            f"tensors and plain values: {first_line}"
        ) from error
    except Exception as error:
        # Damaged archives surface as RuntimeError, EOFError, KeyError, ... from torch's reader.
        raise ExportError(
            f"--weights {path} is not a checkpoint that PyTorch can read, or it is cut off: {error}"
        ) from error
    tensors = checkpoint.get("model", checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(tensors, Mapping) or not tensors:
        raise ExportError(
            f'--weights {path} holds no weights: expected {{"model": state_dict}} or a state_dict.'
        )
    strange = sorted(str(k) for k, v in tensors.items() if not isinstance(v, torch.Tensor))
    if strange:
        raise ExportError(f"--weights {path}: entries that are not tensors: {', '.join(strange)}.")
    return {str(name): tensor for name, tensor in tensors.items()}


def fit_to_network(tensors: StateDict, config: CfgNode) -> StateDict:
    """Load tensors into the network of a config and take them out as inference wants them.

    Args:
        tensors: What a checkpoint holds.
        config: Config of the network; it gets frozen.

    Returns:
        The network's complete state, on the CPU, each tensor with memory of its own.

    Raises:
        ExportError: Every missing, unexpected and wrong-shaped tensor, in one message.
    """
    network = build_network(config)
    expected = network.state_dict()
    # Buffers that the network computes for itself; old checkpoints carry them all the same.
    computed = {name for name, _ in network.named_buffers()} - set(expected)
    problems = [
        *(f"missing in the weights: {name}" for name in expected if name not in tensors),
        *(
            f"unknown to the config's network: {name}"
            for name in tensors
            if name not in expected and name not in computed
        ),
        *(
            f"shape of {name}: {tuple(tensors[name].shape)} in the weights, "
            f"{tuple(tensor.shape)} by the config"
            for name, tensor in expected.items()
            if name in tensors and tensors[name].shape != tensor.shape
        ),
    ]
    if problems:
        raise ExportError(
            f"The weights do not fit the config's network ({len(problems)} differences):",
            *(f"  {problem}" for problem in problems),
        )
    network.load_state_dict({name: tensors[name] for name in expected})
    return {name: tensor.clone().contiguous() for name, tensor in network.state_dict().items()}
