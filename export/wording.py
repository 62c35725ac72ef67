"""How summaries say things."""

from collections.abc import Sequence

from handler.metadata import Metadata

SHOWN = 8


def class_list(metadata: Metadata) -> str:
    """The first class names, and how many there are."""
    names: Sequence[str] = [one.name for one in (*metadata.classes, *metadata.stuff_classes)]
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "none"


def megabytes(size: int) -> str:
    """A size in bytes, as people read it."""
    return f"{size / 1e6:.1f} MB"


def many(count: int, what: str) -> str:
    """A number of things, in the singular where it is one."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
