"""A file of weights, in any form that people hold them in -> the model's tensors."""

import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from export.errors import ExportError
from export.unpickle import (
    RefusedGlobal,
    check_tuples,
    read_arrays,
    torch_globals,
    with_arrays,
)

StateDict = dict[str, torch.Tensor]
Naming: TypeAlias = Literal["detectron2", "caffe2", "suffix"]

# torch.save's first pickle before 1.6: torch.serialization.MAGIC_NUMBER, in any protocol.
_LEGACY_TORCH = (b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", b"119547037146038801333356")

_DTYPES = {
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
}
MAX_GROWTH = 2
"""How much larger than their file tensors may be, taken together."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds.

    Attributes:
        tensors: The model's tensors by name, on the CPU; where the file knew the versions of the
            modules, its `_metadata` still does.
        naming: `detectron2`; `caffe2`, Detectron1's names; `suffix`, names that are ends of
            Detectron2's (backbones trained elsewhere).
        left_behind: What else was in the file: `optimizer`, `iteration`, ...
        wrapper: Under which key the tensors were: `model`, `state_dict` or `blobs`; None where they
            were all of it.
        notes: What of the rest is a number or a text: `iteration`, `epoch`, Detectron1's `cfg`, ...
    """

    tensors: StateDict
    naming: Naming = "detectron2"
    left_behind: tuple[str, ...] = ()
    wrapper: str | None = None
    notes: Mapping[str, int | float | str] = field(default_factory=dict)


def read_checkpoint(path: Path, *, trust: bool = False) -> Checkpoint:
    """Read a `.pth`, `.pkl` or `.safetensors`; which of them it is, the content says.

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
            f'{path} holds no weights: expected {{"model": state_dict}} or a state_dict, '
            f"found {_kind(content)}."
        )
    wrapper = next((key for key in ("model", "state_dict", "blobs") if key in content), None)
    tensors = content[wrapper] if wrapper else content
    if not isinstance(tensors, Mapping) or not tensors:
        raise ExportError(f"{path} holds no weights: its {wrapper} is {_kind(tensors)}.")
    rest = {str(key): content[key] for key in content if wrapper and key != wrapper}
    return Checkpoint(
        tensors=_without_prefix(_as_tensors(path, tensors)),
        naming=_naming(content, wrapper, tensors),
        left_behind=tuple(sorted(rest)),
        wrapper=wrapper,
        notes={key: value for key, value in rest.items() if type(value) in (int, float, str)},
    )


def _naming(content: Mapping[Any, Any], wrapper: str | None, tensors: Mapping[Any, Any]) -> Naming:
    # Detectron1 wraps its blobs; Caffe2's ImageNet models are the blobs. Neither has dots in names.
    if wrapper == "blobs" or (wrapper is None and not any("." in str(name) for name in tensors)):
        return "caffe2"
    if content.get("matching_heuristics"):
        return "caffe2" if content.get("__author__") == "Caffe2" else "suffix"
    return "detectron2"


def _read(path: Path, *, trust: bool) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with path.open("rb") as file:
            start = file.read(64)
        is_torch = start[:2] == b"PK" or any(magic in start for magic in _LEGACY_TORCH)
        if is_torch or path.suffix != ".pkl":
            if not trust:
                _look_through(path, is_zip=start[:2] == b"PK")
            with torch.serialization.safe_globals(torch_globals()):
                content = torch.load(path, map_location="cpu", weights_only=not trust)
            return with_arrays(content)
        if not trust:
            return read_arrays(path)
        with path.open("rb") as file:
            return pickle.load(file, encoding="latin1")
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error}.") from error
    except RefusedGlobal as error:
        raise _refused(path, error.name) from error
    except (pickle.UnpicklingError, SafetensorError) as error:
        if asked_for := re.search(r"\bGLOBAL (\S+)", str(error)):
            raise _refused(path, asked_for[1]) from error
        raise _unreadable(path, error) from error
    except Exception as error:
        # Damaged files raise what they like: RuntimeError, EOFError, KeyError, MemoryError, ...
        raise _unreadable(path, error) from error


def _look_through(path: Path, *, is_zip: bool) -> None:
    """Refuse what torch's own reader would stumble over.

    Raises:
        pickle.UnpicklingError: Says what.
    """
    if not is_zip:
        with path.open("rb") as file:
            check_tuples(file)
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            # torch.save stores its entries as they are; compressed ones can be bombs.
            if entry.compress_type != zipfile.ZIP_STORED:
                raise pickle.UnpicklingError(f"its entry {entry.filename} is compressed")
            if entry.filename.endswith(".pkl"):
                with archive.open(entry) as file:
                    check_tuples(file)


def _refused(path: Path, name: str) -> ExportError:
    return ExportError(
        f"{path} asks for {name}, which could run code of whoever made the file: only "
        "tensors, numpy arrays and plain values are loaded. If you trust its origin as you trust "
        "a program, an export with --trust-checkpoint loads it all the same."
    )


def _unreadable(path: Path, error: Exception) -> ExportError:
    # torch's own sentence advises to load the file unsafely; what it found stands further down.
    found = re.search(r"WeightsUnpickler error:\s*(.+)", str(error))
    first_line = found[1] if found else str(error).partition("\n")[0] or type(error).__name__
    return ExportError(f"{path} is not a checkpoint, or it is cut off: {first_line}")


def _as_tensors(path: Path, values: Mapping[Any, Any]) -> StateDict:
    tensors: StateDict = OrderedDict()
    strange = []
    size, limit = 0, MAX_GROWTH * path.stat().st_size
    # Of the type itself: the file may have put something else in place of the object's own.
    items = dict.items(values) if isinstance(values, dict) else values.items()
    for name, value in items:
        if str(name).endswith("_momentum"):
            continue  # Detectron1 keeps its optimizer's state among the weights
        is_array = isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf"
        if not is_array and not _is_plain_tensor(value):
            strange.append(f"{name} is {_kind(value)}")
            continue
        size += value.nbytes
        if size > limit:
            raise ExportError(f"{path} holds more tensors than fit into its size.")
        tensors[str(name)] = torch.from_numpy(np.array(value)) if is_array else value.detach()
    if strange:
        raise ExportError(f"{path}: entries that are not tensors: {'; '.join(strange)}.")
    # How the modules that wrote the file tell those that read it about their versions.
    if isinstance(versions := getattr(values, "_metadata", None), Mapping):
        tensors._metadata = OrderedDict(  # type: ignore[attr-defined]
            (module, dict(version))
            for module, version in versions.items()
            if isinstance(module, str) and isinstance(version, Mapping)
        )
    return tensors


def _is_plain_tensor(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
        and not value.is_nested
        and value.nbytes <= value.untyped_storage().nbytes()
    )


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
    if isinstance(value, torch.Tensor):
        return f"a tensor of {value.dtype}, layout {value.layout}, on {value.device}"
    return f"a {type(value).__name__}"
