"""`config.yaml` of an archive, where it comes of a LazyConfig -> the network that it describes.

The file is plain data. Three kinds of mapping stand for objects:

    {_target_: NAME, key: value, ...}   what NAME(key=value, ...) returns
    {_partial_: NAME, key: value, ...}  functools.partial(NAME, key=value, ...)
    {_object_: NAME}                    NAME itself, a class or function

`_target_` is Detectron2's own; it has no word for the other two, which configs need all the same
(`norm_layer=partial(LayerNorm, eps=1e-6)`, `block_class=BottleneckBlock`).
"""

import functools
import importlib
from collections.abc import Collection
from typing import Any

MARKS = ("_target_", "_partial_", "_object_")

TRUSTED = (
    "detectron2.layers",
    "detectron2.modeling",
    "detectron2.projects",
    "detectron2.structures",
    "fvcore.nn",
    "torch.nn",
)
"""Where a config may take objects from: packages that build networks and do nothing else."""


class UntrustedName(ValueError):
    """A config names an object from where it may not take any."""

    def __init__(self, name: object, modules: Collection[str]) -> None:
        accepted = ", ".join([*TRUSTED, *modules])
        super().__init__(f'"{name}" is not an object of {accepted}')


def build_from_lazy(node: Any, *, modules: Collection[str] = ()) -> Any:
    """Build what a part of the file stands for.

    Args:
        node: A parsed part of the file.
        modules: Modules of the model's owner that may be named besides `TRUSTED`.

    Raises:
        UntrustedName: A name from elsewhere.
    """
    if isinstance(node, (list, tuple)):
        return [build_from_lazy(item, modules=modules) for item in node]
    if not isinstance(node, dict):
        return node
    content = {key: build_from_lazy(value, modules=modules) for key, value in node.items()}
    if name := content.pop("_target_", None):
        return find_object(name, modules=modules)(**content)
    if name := content.pop("_partial_", None):
        return functools.partial(find_object(name, modules=modules), **content)
    if name := content.pop("_object_", None):
        return find_object(name, modules=modules)
    return content


def find_object(name: object, *, modules: Collection[str] = ()) -> Any:
    """Import the class, function or method that a dotted name stands for.

    Raises:
        UntrustedName: Not of `TRUSTED` or `modules`, by its name or by where it was defined.
        ValueError: There is no such thing.
    """
    if not isinstance(name, str) or not _is_trusted(name, modules):
        raise UntrustedName(name, modules)
    found = _locate(name)
    if found is None:
        raise ValueError(f'there is no "{name}" in the installed packages')
    # detectron2.layers.wrappers.torch.hub.load begins well and ends elsewhere. Some functions of
    # torch.nn.functional are defined in C.
    home = str(getattr(found, "__module__", None))
    if home != "torch._C._nn" and not _is_trusted(f"{home}.", modules):
        raise UntrustedName(name, modules)
    return found


def _is_trusted(name: str, modules: Collection[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in (*TRUSTED, *modules))


def _locate(name: str) -> Any:
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return found
    return None
