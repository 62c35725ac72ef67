"""Tables of a terminal: the first column to the left, numbers to the right."""

from collections.abc import Sequence
from typing import Any

_NAME_WIDTH = 24


def text_table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """Lines of a table.

    Args:
        head: C names of columns.
        rows: Lists of C values; long texts are cut.
    """
    cells = [[_text(one) for one in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in cells
    )


def decimal(value: float | None, digits: int, *, sign: bool = False) -> str:
    """A number as text, a dash where there is none.

    Args:
        value: The number.
        digits: Behind the point.
        sign: Whether a plus is written.
    """
    return "-" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def _text(value: Any) -> str:
    """A name of any characters, on one line and not too long."""
    text = "".join(character if character.isprintable() else "?" for character in str(value))
    return text if len(text) <= _NAME_WIDTH else f"{text[: _NAME_WIDTH - 2]}.."
