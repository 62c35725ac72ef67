"""Imports modules for what they register with Detectron2."""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from handler.operators import install_missing


def import_registering(name: str) -> ModuleType:
    """Import a module that registers parts of networks, for inference.

    Panoptic-DeepLab's package imports `panopticapi` for its training data. That is not on PyPI and
    inference never calls it, so where it is missing a stand-in takes its place for the import.

    Args:
        name: Such as `detectron2.projects.point_rend`, or a module of the model's owner.
    """
    install_missing()  # before a class of the owner's builds on a stand-in
    stand_ins = {} if importlib.util.find_spec("panopticapi") else _panopticapi()
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(name)
    finally:
        for stand_in in stand_ins:
            del sys.modules[stand_in]


def _panopticapi() -> dict[str, ModuleType]:
    package, utils = ModuleType("panopticapi"), ModuleType("panopticapi.utils")
    utils.rgb2id = _not_installed  # type: ignore[attr-defined]
    package.utils = utils  # type: ignore[attr-defined]
    return {"panopticapi": package, "panopticapi.utils": utils}


def _not_installed(*_: Any) -> None:
    raise ModuleNotFoundError("panopticapi, which training with Panoptic-DeepLab needs")
