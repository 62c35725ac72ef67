"""A file of weights, in any form that people hold them in -> the model's tensors."""

import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from export.errors import ExportError
from export.unpickle import RefusedGlobal, numpy_globals, read_arrays

StateDict = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds.

    Attributes:
        tensors: The model's tensors by name, on the CPU; where the file knew the versions of the
            modules, its `_metadata` still does.
        naming: `detectron2`; `caffe2`, Detectron1's names; `suffix`, names that are ends of
            Detectron2's (backbones trained elsewhere).
        left_behind: What else was in the file: `optimizer`, `iteration`, ...
    """

    tensors: StateDict
    naming: Literal["detectron2", "caffe2", "suffix"] = "detectron2"
    left_behind: tuple[str, ...] = ()


def read_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Read a `.pth`, `.pkl` or `.safetensors`.

    The file is untrusted: nothing but tensors, arrays and plain values is constructed.

    Args:
        path: The file.
        trust: Unpickle whatever it asks for. This runs any code that the file brings.

    Raises:
        ExportError: Not a checkpoint, damaged, or one that asks for more; says what it asked for.
    """
    content = _read(path, trust=trust)
    if not isinstance(content, Mapping) or not content:
        raise ExportError(
            f'--weights {path} holds no weights: expected {{"model": state_dict}} or a state_dict, '
            f"found {_kind(content)}."
        )
    naming: Literal["detectron2", "caffe2", "suffix"] = "detectron2"
    if path.suffix == ".pkl" and not ("model" in content and "__author__" in content):
        # Detectron1 wraps its blobs, Caffe2's ImageNet models are the blobs.
        content = {"model": content.get("blobs", content)}
        naming = "caffe2"
    elif content.get("matching_heuristics"):
        naming = "caffe2" if content.get("__author__") == "Caffe2" else "suffix"
    wrapper = next((key for key in ("model", "state_dict") if key in content), None)
    tensors = content[wrapper] if wrapper else content
    if not isinstance(tensors, Mapping) or not tensors:
        raise ExportError(f"--weights {path} holds no weights: its model is {_kind(tensors)}.")
    return Checkpoint(
        tensors=_without_prefix(_as_tensors(path, tensors)),
        naming=naming,
        left_behind=tuple(sorted(str(key) for key in content if wrapper and key != wrapper)),
    )


def _read(path: Path, *, trust: bool) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        if path.suffix != ".pkl" or is_zip:
            with torch.serialization.safe_globals(numpy_globals()):
                return torch.load(path, map_location="cpu", weights_only=not trust)
        if not trust:
            return read_arrays(path)
        with path.open("rb") as file:
            return pickle.load(file, encoding="latin1")
    except OSError as error:
        raise ExportError(f"--weights {path} cannot be read: {error}.") from error
    except RefusedGlobal as error:
        raise _refused(path, error.name) from error
    except (pickle.UnpicklingError, SafetensorError) as error:
        if asked_for := re.search(r"\bGLOBAL (\S+)", str(error)):
            raise _refused(path, asked_for[1]) from error
        raise _unreadable(path, error) from error
    except Exception as error:
        # Damaged files raise what they like: RuntimeError, EOFError, KeyError, MemoryError, ...
        raise _unreadable(path, error) from error


def _refused(path: Path, name: str) -> ExportError:
    return ExportError(
        f"--weights {path} asks for {name}, which could run code of whoever made the file: only "
        "tensors, numpy arrays and plain values are loaded. If you trust its origin as you trust "
        "a program, --trust-checkpoint loads it all the same."
    )


def _unreadable(path: Path, error: Exception) -> ExportError:
    first_line = (str(error) or type(error).__name__).partition("\n")[0]
    return ExportError(f"--weights {path} is not a checkpoint, or it is cut off: {first_line}")


def _as_tensors(path: Path, values: Mapping[Any, Any]) -> StateDict:
    tensors: StateDict = OrderedDict()
    strange = []
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            tensors[str(name)] = value.detach()
        elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
            tensors[str(name)] = torch.from_numpy(np.array(value))
        elif not str(name).endswith("_momentum"):
            strange.append(f"{name} is {_kind(value)}")
    if strange:
        raise ExportError(f"--weights {path}: entries that are not tensors: {'; '.join(strange)}.")
    # How the modules that wrote the file tell those that read it about their versions.
    if (versions := getattr(values, "_metadata", None)) is not None:
        tensors._metadata = versions  # type: ignore[attr-defined]
    momentum = [name for name in tensors if name.endswith("_momentum")]
    for name in momentum:
        del tensors[name]
    return tensors


def _without_prefix(tensors: StateDict) -> StateDict:
    """Undo the `module.` that DistributedDataParallel puts before every name."""
    if not all(name.startswith("module.") for name in tensors):
        return tensors
    stripped: StateDict = OrderedDict((n.removeprefix("module."), t) for n, t in tensors.items())
    if (versions := getattr(tensors, "_metadata", None)) is not None:
        stripped._metadata = OrderedDict(  # type: ignore[attr-defined]
            (name.removeprefix("module").removeprefix("."), v) for name, v in versions.items()
        )
    return stripped


def _kind(value: object) -> str:
    if isinstance(value, Mapping) and not value:
        return "empty"
    return f"a {type(value).__name__}"
