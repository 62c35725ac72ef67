"""Names in files -> paths and URLs."""

from pathlib import PurePosixPath


def joined(base: str, name: str) -> str:
    """What a name means that stands in a file: itself, where it is absolute or a URL.

    Args:
        base: The folder or URL that others are relative to.
        name: As it stands there.
    """
    if "://" in name or PurePosixPath(name).is_absolute():
        return name
    return f"{base.rstrip('/')}/{name}"


def parent(url: str) -> str:
    """The folder that a file is in."""
    return url.rstrip("/").rpartition("/")[0] or "/"
