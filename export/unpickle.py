"""Reads pickles of numpy arrays and plain values, and refuses everything else by name.

numpy's own reconstruction trusts what it is given: a dtype whose state is made up turns bytes of
the file into pointers. So nothing of numpy is called while a pickle is read. What stands for dtypes
and arrays there are plain records; arrays are made of them afterwards, numbers only, sizes checked.
"""

import math
import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar

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
            content = content.encode("latin1")
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


def _plain_key(key: Any) -> Any:
    if type(key) not in _PLAIN_KEYS:
        raise pickle.UnpicklingError(f"a dictionary with a {type(key).__name__} for a key")
    return key


def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    made: OrderedDict[Any, Any] = OrderedDict()
    for key, value in pairs:
        made[_plain_key(key)] = value
    return made


_NUMPY: dict[str, Any] = {
    "numpy.ndarray": _NdarrayClass,
    "numpy.dtype": _Dtype,
    **{f"{module}multiarray._reconstruct": _reconstruct for module in _MODULES},
    **{f"{module}multiarray.scalar": _scalar for module in _MODULES},
    **{f"{module}numeric._frombuffer": _frombuffer for module in _MODULES},
}

_ALLOWED: dict[str, Any] = {
    **_NUMPY,
    "collections.OrderedDict": _ordered_dict,
    "_codecs.encode": _encode_latin1,
}

_PLAIN_KEYS = (str, int, float, bool, bytes, type(None))
MAX_TUPLES = 50_000
"""More than any checkpoint has; nested in one another, so many overflow the C stack when hashed."""


class RefusedGlobal(pickle.UnpicklingError):
    """A pickle asked for something that could run code.

    Attributes:
        name: What it asked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"it asks for {name}")
        self.name = name


class _ArrayUnpickler(pickle._Unpickler):
    """Python's own unpickler in Python, where a step can be refused before it is done.

    The one in C reserves memory for whatever place in its memo a file names.
    """

    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[f"{module}.{name}"]
        except KeyError:
            raise RefusedGlobal(f"{module}.{name}") from None

    def _refuse_set(self) -> None:
        raise pickle.UnpicklingError("it holds a set")

    def _build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], (_Array, _Dtype)):
            self.stack[-1].__setstate__(state)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put([key, value])

    def _set_items(self) -> None:
        self._put(self.pop_mark())

    def _put(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise pickle.UnpicklingError("items of what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_plain_key(key)] = value

    def _dict(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._put(items)

    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = _set_items
    dispatch[pickle.DICT[0]] = _dict
    for _code in (pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET):
        dispatch[_code[0]] = _refuse_set


def read_arrays(path: Path) -> Any:
    """Unpickle a file.

    Raises:
        RefusedGlobal: It asks for more than arrays and plain values.
        Exception: It is not a pickle; damaged ones raise what they like.
    """
    with path.open("rb") as file:
        # latin1: the model zoo's files were pickled by Python 2.
        return with_arrays(_ArrayUnpickler(file, encoding="latin1").load())


def check_tuples(file: IO[bytes]) -> None:
    """Look through the pickles at the start of a file, before somebody else loads them.

    Raises:
        pickle.UnpicklingError: More tuples than any checkpoint has.
    """
    found = 0
    for _ in range(5):  # torch.save before 1.6 wrote five in a row, then raw numbers
        try:
            for operation, _, _ in pickletools.genops(file):
                found += operation.name.startswith("TUPLE")
                if found > MAX_TUPLES:
                    raise pickle.UnpicklingError(f"more than {MAX_TUPLES} tuples")
        except ValueError:
            return  # no pickle any more; who loads it finds out by itself


def with_arrays(value: Any, _seen: dict[int, Any] | None = None, _depth: int = 0) -> Any:
    """The same containers with arrays in place of the records that stand for them."""
    seen: dict[int, Any] = {} if _seen is None else _seen
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, _Array):
        seen[id(value)] = value.array()
        return seen[id(value)]
    if isinstance(value, (_Dtype, _NdarrayClass)):
        return NotANumber()
    if _depth > 20:  # what lies deeper is not the model's
        return value
    if type(value) in (dict, OrderedDict):
        seen[id(value)] = value
        for key in list(value):
            value[key] = with_arrays(value[key], seen, _depth + 1)
    elif type(value) is list:
        seen[id(value)] = value
        value[:] = [with_arrays(item, seen, _depth + 1) for item in value]
    elif type(value) is tuple:
        made = tuple(with_arrays(item, seen, _depth + 1) for item in value)
        seen[id(value)] = made
        return made
    return value


def torch_globals() -> list[Any]:
    """What `torch.load(weights_only=True)` may take for numpy's: the same records."""
    return [*((value, name) for name, value in _NUMPY.items()), _Array, _Dtype]
