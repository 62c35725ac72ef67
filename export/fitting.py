"""A checkpoint's tensors into the network that a config describes, nothing missing in silence."""

import fnmatch
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from detectron2.checkpoint.c2_model_loading import align_and_update_state_dicts

from export.checkpoint import Checkpoint, Naming, StateDict
from export.differences import Differences
from export.errors import ExportError
from handler.metadata import ConfigKind


def fit_to_network(
    checkpoint: Checkpoint,
    network: torch.nn.Module,
    *,
    allow_missing: Sequence[str] = (),
    allow_unexpected: Sequence[str] = (),
    kind: ConfigKind = "yacs",
) -> StateDict:
    """Load tensors into a network and take them out as inference wants them.

    Args:
        checkpoint: What a file of weights holds.
        network: The network, whose weights are overwritten.
        allow_missing: Patterns of names that may be missing and keep their initial values.
        allow_unexpected: Patterns of names that the network may not know and that are left behind.
        kind: Of the config, whose keys messages name.

    Returns:
        The network's complete state, on the CPU, each tensor with memory of its own.

    Raises:
        ExportError: What is missing, unexpected and of another shape, in one message.
    """
    tensors = _in_detectron2_names(checkpoint, network)
    state = network.state_dict()
    given = dict(tensors)
    misshapen = {n for n, t in tensors.items() if n in state and t.shape != state[n].shape}
    shapes = {name: tuple(tensors.pop(name).shape) for name in misshapen}
    wrong_values = _value_problems(tensors, network)
    # Modules mend checkpoints of older releases while they load: what they miss then is missing.
    result = network.load_state_dict(tensors, strict=False)
    missing = [n for n in result.missing_keys if n not in misshapen and not _any(n, allow_missing)]
    # Buffers that the network computes for itself; old checkpoints carry them all the same.
    computed = {name for name, _ in network.named_buffers()} - set(state)
    unused = unused_by_detectron1(result.unexpected_keys, state, naming=checkpoint.naming)
    unknown = [
        name
        for name in result.unexpected_keys
        if name not in computed | unused and not _any(name, allow_unexpected)
    ]
    differences = Differences(
        missing=tuple(missing),
        unknown=tuple(unknown),
        shapes={name: (shapes[name], tuple(state[name].shape)) for name in misshapen},
        values=tuple(wrong_values),
    )
    if len(differences):
        raise ExportError(*differences.sentences(given, state, kind))
    # Each with memory of its own: safetensors refuse tensors that share it.
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def unused_by_detectron1(
    names: Sequence[str], state: Mapping[str, torch.Tensor], *, naming: Naming
) -> set[str]:
    """Blobs that Detectron1 kept of the ImageNet backbone and never computed with.

    Its training calls them "preserved in workspace (unused)", and its files have them: the
    classifier (`fc1000`, of ResNeXt `linear`), and biases of convolutions that a norm follows.

    Args:
        names: What the network does not know, as Detectron2's conversion calls it.
        state: The network's own.
        naming: Of the checkpoint; only `caffe2` is Detectron1's.
    """
    if naming != "caffe2":
        return set()
    normed = [
        f".{name.removesuffix('.norm.weight')}" for name in state if name.endswith(".norm.weight")
    ]
    return {
        name
        for name in names
        if name.startswith(("fc1000.", "linear."))
        or (name.endswith(".bias") and _ends_one(f".{name.removesuffix('.bias')}", normed))
    }


def _ends_one(end: str, names: Sequence[str]) -> bool:
    return any(name.endswith(end) for name in names)


def _value_problems(tensors: StateDict, network: torch.nn.Module) -> list[str]:
    """Tensors of the right name and shape that the network would take and should not.

    Those that it could not even take are exchanged for ones that it can, so that the rest is seen.
    """
    state = network.state_dict()
    problems = []
    for name, tensor in list(tensors.items()):
        expected = state.get(name)
        if expected is not None and expected.is_floating_point() != tensor.is_floating_point():
            problems.append(f"type of {name}: {tensor.dtype} in the weights, {expected.dtype} here")
            tensors[name] = torch.zeros_like(expected)  # which loads without a word
        elif tensor.is_floating_point() and not torch.isfinite(tensor).all():
            problems.append(f"not finite (NaN or infinity): {name}")
    # Buffers that the network computes of the config; checkpoints may hold what they were then.
    for name, buffer in network.named_buffers():
        saved = tensors.get(name)
        if name in state or saved is None:
            continue
        same_shape = saved.numel() == buffer.numel()
        if not same_shape or not torch.allclose(saved.float().view(-1), buffer.view(-1), atol=1e-3):
            problems.append(f"contradicts the config: {name}")
    return problems


def _in_detectron2_names(checkpoint: Checkpoint, network: torch.nn.Module) -> StateDict:
    if checkpoint.naming == "detectron2":
        tensors: StateDict = OrderedDict(checkpoint.tensors)
        state = network.state_dict()
        versions = getattr(checkpoint.tensors, "_metadata", None)
        if versions is None and tensors.keys() == state.keys():
            # Every name is as it should be: without versions, modules would mend what is whole.
            versions = state._metadata  # type: ignore[attr-defined]
        if versions is not None:
            tensors._metadata = versions  # type: ignore[attr-defined]
        return tensors
    state = network.state_dict()
    matcher = logging.getLogger("detectron2.checkpoint.c2_model_loading")
    level = matcher.level
    matcher.setLevel(logging.ERROR)  # it logs a table of every name
    try:
        matched: StateDict = align_and_update_state_dicts(
            state,
            dict(checkpoint.tensors),
            c2_conversion=checkpoint.naming == "caffe2",
        )
    except (ValueError, KeyError, AssertionError) as error:
        raise ExportError(
            f"The weights' names cannot be matched with the config's network: {error}."
        ) from error
    finally:
        matcher.setLevel(level)
    _match_misshapen(matched, state)
    return matched


def _match_misshapen(matched: StateDict, state: Mapping[str, torch.Tensor]) -> None:
    """Give the network's names also to tensors whose shape alone kept Detectron2 from doing it."""
    ends = [name for name in matched if name not in state]
    renamed = {}
    for name in state.keys() - matched.keys():
        fitting = [end for end in ends if f".{name}".endswith(f".{end}")]
        longest = max(fitting, key=len, default=None)
        if longest is not None and matched[longest].shape != state[name].shape:
            renamed[name] = longest
    given = {end: matched.pop(end) for end in set(renamed.values())}
    matched.update((name, given[end]) for name, end in renamed.items())


def _any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
