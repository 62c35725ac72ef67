"""Values that clients sent, put into the sentences that answer them."""

import reprlib
from collections.abc import Iterable
from typing import Any

_MOST_CHARACTERS = 60

_REPR = reprlib.Repr()
_REPR.maxlevel = 3
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _MOST_CHARACTERS
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = 8

_KINDS = {
    str: "text",
    bytes: "bytes",
    list: "a JSON list",
    dict: "a JSON object",
    bool: "a JSON boolean",
    int: "a JSON number",
    float: "a JSON number",
    type(None): "JSON null",
}


def shown(value: Any) -> str:
    """A value as it may stand in a sentence: short, however long or deep it is."""
    try:
        text = _REPR.repr(value)
    except (RecursionError, ValueError):  # such as an integer of too many digits
        return kind(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


def kind(value: object) -> str:
    """What a value is, in the words of those who sent it."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def quoted(names: Iterable[str]) -> str:
    """Names in quotation marks, in order."""
    return ", ".join(f'"{name}"' for name in sorted(names))
