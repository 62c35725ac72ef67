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
import inspect
from collections.abc import Collection
from typing import Any

import torch

MARKS = ("_target_", "_partial_", "_object_")

TRUSTED = (
    "detectron2.layers",
    "detectron2.modeling",
    "detectron2.projects",
    "detectron2.structures",
    "fvcore.nn",
    "torch.nn",
)
"""Packages whose classes a config may name: they build networks."""

DETECTRON2 = tuple(package for package in TRUSTED if package.startswith("detectron2."))

FUNCTIONS = "torch.nn.functional"
"""The one module whose functions it may name. Others import modules by name, or open files."""


class UntrustedName(ValueError):
    """A config names an object from where it may not take any."""

    def __init__(self, name: object, modules: Collection[str]) -> None:
        packages = ", ".join([*TRUSTED, *modules])
        super().__init__(
            f'"{name}" is refused: a config may name classes of {packages} and functions of '
            f"{FUNCTIONS}"
        )


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
    if not isinstance(name, str) or any(part[:1] in ("", "_") for part in name.split(".")):
        raise UntrustedName(name, modules)
    if not _is_within(name, (*TRUSTED, *modules)):
        raise UntrustedName(name, modules)
    owner, found = _locate(name)
    if found is None:
        raise ValueError(f'there is no "{name}" in the installed packages')
    if not _is_trusted(name, owner, found, modules):
        raise UntrustedName(name, modules)
    return found


def _is_trusted(name: str, owner: Any, found: Any, modules: Collection[str]) -> bool:
    """Whether an object builds networks, by what it is and where it was defined.

    detectron2.layers.wrappers.torch.hub.load begins well and ends elsewhere.
    """
    home = f"{getattr(found, '__module__', None)}."
    if _is_within(home, modules):
        return True
    if inspect.isclass(found):
        # torch.nn holds more than networks; Detectron2's and fvcore's packages do not.
        is_torch = home.startswith("torch.")
        return _is_within(home, TRUSTED) and (not is_torch or issubclass(found, torch.nn.Module))
    if inspect.isclass(owner):
        # ResNet.make_default_stages. Methods of torch's classes compile, hook and load.
        method = inspect.getattr_static(owner, name.rpartition(".")[2], None)
        is_of_class = isinstance(method, (classmethod, staticmethod))
        return is_of_class and _is_within(home, DETECTRON2)
    # Some of them are defined in C.
    return name.startswith(f"{FUNCTIONS}.") and home in (f"{FUNCTIONS}.", "torch._C._nn.")


def _is_within(name: str, packages: Collection[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in packages)


def _locate(name: str) -> tuple[Any, Any]:
    """What a dotted name stands for, and what it is an attribute of."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        owner = None
        for part in parts[length:]:
            owner, found = found, getattr(found, part, None)
        return owner, found
    return None, None
