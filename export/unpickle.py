"""Reads pickles of numpy arrays and plain values, and refuses everything else by name."""

import pickle
from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

# numpy.core until numpy 2, numpy._core since.
_multiarray: Any = import_module(np.array(0).__reduce__()[0].__module__)
_numeric: Any = import_module(_multiarray.__name__.replace("multiarray", "numeric"))


def _encode_latin1(text: str, encoding: str) -> bytes:
    """What Python 2's strings of bytes are pickled with; the real one knows a hundred codecs."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"_codecs.encode with encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode_latin1,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    **{
        (module, name): getattr(_multiarray, name)
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        for name in ("_reconstruct", "scalar")
    },
    # Arrays in pickles of protocol 5.
    ("numpy.core.numeric", "_frombuffer"): _numeric._frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _numeric._frombuffer,
    **{
        (module, name): value
        for module in ("builtins", "__builtin__")
        for name, value in {"set": set, "frozenset": frozenset, "bytearray": bytearray}.items()
    },
}


class RefusedGlobal(pickle.UnpicklingError):
    """A pickle asked for something that could run code.

    Attributes:
        name: What it asked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"it asks for {name}")
        self.name = name


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise RefusedGlobal(f"{module}.{name}") from None


def read_arrays(path: Path) -> Any:
    """Unpickle a file.

    Raises:
        RefusedGlobal: It asks for more than arrays and plain values.
        Exception: It is not a pickle; damaged ones raise what they like.
    """
    with path.open("rb") as file:
        # latin1: the model zoo's files were pickled by Python 2.
        return _ArrayUnpickler(file, encoding="latin1").load()


def numpy_globals() -> list[Any]:
    """What `torch.load(weights_only=True)` may construct besides tensors: the same numpy values."""
    dtypes = {type(np.dtype(code)) for code in np.typecodes["All"]}
    functions = [(value, f"{m}.{n}") for (m, n), value in _ALLOWED.items() if m.startswith("numpy")]
    return [*functions, *dtypes]
