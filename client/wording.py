"""How sentences name many things."""

from collections.abc import Sequence

_SHOWN = 5


def some(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def many(count: int, what: str) -> str:
    """A number of things, in the singular where it is one.

    Args:
        count: How many.
        what: One of them.
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
