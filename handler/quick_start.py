"""Lets a worker start without torch's compiler, which nothing of it compiles with.

torchvision imports `torch._dynamo` for one function that it calls under
`torch.use_deterministic_algorithms`, and Detectron2's Conv2d imports it on every call, to ask
whether it is being compiled. With torch 2.14 that import takes longer than half of all others
together, and 150 MB in every worker.
"""

import importlib
import sys
from types import ModuleType

_COMPILER = "torch._dynamo"
_UTILS = "torch._dynamo.utils"


def import_without_compiler() -> None:
    """Import torchvision and Detectron2's layers; the compiler is imported when somebody asks.

    Where the compiler is there already, or torchvision is not what it was in 2026, they are
    imported as ever.
    """
    if _COMPILER not in sys.modules:
        stand_ins = _stand_ins()
        sys.modules.update(stand_ins)
        try:
            importlib.import_module("torchvision")
        except Exception:  # it wants more of the compiler than we know
            _forget("torchvision")
        finally:
            for name in stand_ins:
                del sys.modules[name]
    wrappers = importlib.import_module("detectron2.layers.wrappers")
    # "Yes": what it does otherwise, around every convolution, matters in training alone.
    wrappers.check_if_dynamo_compiling = lambda: True  # type: ignore[attr-defined]


def _stand_ins() -> dict[str, ModuleType]:
    compiler, utils = ModuleType(_COMPILER), ModuleType(_UTILS)
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    compiler.utils = utils  # type: ignore[attr-defined]
    return {_COMPILER: compiler, _UTILS: utils}


def _is_compile_supported(device_type: str) -> bool:
    supported: bool = importlib.import_module(_UTILS).is_compile_supported(device_type)
    return supported


def _forget(package: str) -> None:
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]
