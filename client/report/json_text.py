"""Documents as JSON that people can read: a key a line, and lists of numbers on one."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from client.writing import replacing_text

_INDENT = "  "


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write a report.

    Args:
        path: Of the file.
        document: As JSON has it: of texts, numbers, lists and objects.

    Raises:
        ClientError: It cannot be written.
    """
    with replacing_text(path) as file:
        file.writelines(json_parts(document))
        file.write("\n")


def json_parts(value: Any, indent: str = "") -> Iterator[str]:
    """The text of a value, in parts.

    Args:
        value: As JSON has it.
        indent: Of the line that it begins in.
    """
    inner = indent + _INDENT
    if isinstance(value, Mapping) and value:
        yield "{"
        for place, (key, one) in enumerate(value.items()):
            yield f"{',' if place else ''}\n{inner}{_text(key)}: "
            yield from json_parts(one, inner)
        yield f"\n{indent}}}"
    elif isinstance(value, list) and any(isinstance(one, Mapping | list | str) for one in value):
        yield "["
        for place, one in enumerate(value):
            yield f"{',' if place else ''}\n{inner}"
            yield from json_parts(one, inner)
        yield f"\n{indent}]"
    else:
        yield _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
