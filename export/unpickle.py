"""Reads pickles of numpy arrays and plain values, and refuses everything else by name.

numpy's own reconstruction trusts what it is given: a dtype whose state is made up turns bytes of
the file into pointers. So nothing of numpy is called while a pickle is read. What stands for dtypes
and arrays there are plain records; arrays are made of them afterwards, numbers only, sizes checked.
"""

import math
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

_NUMBERS = re.compile(r"[biuf](1|2|4|8)")
_MODULES = ("numpy.core.", "numpy._core.")  # until numpy 2, and since


class NotANumber:
    """Stands for what is no array of numbers: of objects, of text, of records."""


class _Dtype:
    """What a pickle says of a dtype."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        # (version, byte order, sub-array, names, fields, ...): of numbers the last three are None.
        plain = isinstance(state, tuple) and len(state) >= 5 and state[2:5] == (None,) * 3
        self.order = state[1] if plain else ""

    def numbers(self) -> np.dtype[Any] | None:
        """The dtype, where it is one of plain numbers."""
        is_code = isinstance(self.code, str) and _NUMBERS.fullmatch(self.code)
        if not is_code or self.order not in ("<", ">", "|", "="):
            return None
        return np.dtype(f"{self.order}{self.code}")


class _Array:
    """What a pickle says of an array or a numpy scalar."""

    def __init__(self, *, shape: Any = (), dtype: Any = None, content: Any = b"") -> None:
        self.shape, self.dtype, self.content, self.fortran = shape, dtype, content, False

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) == 5:
            _, self.shape, self.dtype, self.fortran, self.content = state

    def array(self) -> Any:
        """The array; `NotANumber` where it is none of numbers, or its sizes contradict."""
        dtype = self.dtype.numbers() if isinstance(self.dtype, _Dtype) else None
        content = self.content
        if isinstance(content, str):  # bytes of Python 2
            content = content.encode("latin1", errors="replace")
        is_shape = isinstance(self.shape, tuple) and all(
            type(size) is int and size >= 0 for size in self.shape
        )
        if dtype is None or not is_shape or not isinstance(content, (bytes, bytearray)):
            return NotANumber()
        if len(content) != math.prod(self.shape) * dtype.itemsize:
            return NotANumber()
        flat = np.frombuffer(bytes(content), dtype).astype(dtype.newbyteorder("="))
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


class _NdarrayClass:
    """Stands for numpy.ndarray, which pickles name and never call."""


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(dtype: Any = None, content: Any = b"") -> _Array:
    return _Array(dtype=dtype, content=content)


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any = "C") -> _Array:
    """Arrays in pickles of protocol 5."""
    array = _Array(shape=shape, dtype=dtype, content=content)
    array.fortran = order == "F"
    return array


def _encode_latin1(text: Any, encoding: Any = None) -> bytes:
    """What Python 2's strings of bytes are pickled with; the real one knows a hundred codecs."""
    if encoding != "latin1" or not isinstance(text, str):
        raise pickle.UnpicklingError(f"_codecs.encode with encoding {encoding!r}")
    return text.encode("latin1")


_NUMPY: dict[str, Any] = {
    "numpy.ndarray": _NdarrayClass,
    "numpy.dtype": _Dtype,
    **{f"{module}multiarray._reconstruct": _reconstruct for module in _MODULES},
    **{f"{module}multiarray.scalar": _scalar for module in _MODULES},
    **{f"{module}numeric._frombuffer": _frombuffer for module in _MODULES},
}

_ALLOWED: dict[str, Any] = {
    **_NUMPY,
    "collections.OrderedDict": OrderedDict,
    "_codecs.encode": _encode_latin1,
    **{
        f"{module}.{kind.__name__}": kind
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset, bytearray)
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
            return _ALLOWED[f"{module}.{name}"]
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
        return with_arrays(_ArrayUnpickler(file, encoding="latin1").load())


def with_arrays(value: Any, _depth: int = 0) -> Any:
    """The same containers with arrays in place of the records that stand for them."""
    if isinstance(value, _Array):
        return value.array()
    if isinstance(value, (_Dtype, _NdarrayClass)):
        return NotANumber()
    if _depth > 20:  # what lies deeper is not the model's
        return value
    if type(value) in (dict, OrderedDict):
        for key in value:
            value[key] = with_arrays(value[key], _depth + 1)
    elif type(value) is list:
        value[:] = [with_arrays(item, _depth + 1) for item in value]
    elif type(value) is tuple:
        return tuple(with_arrays(item, _depth + 1) for item in value)
    return value


def torch_globals() -> list[Any]:
    """What `torch.load(weights_only=True)` may take for numpy's: the same records."""
    return [*((value, name) for name, value in _NUMPY.items()), _Array, _Dtype]
