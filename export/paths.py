"""Questions about paths that people type."""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; what is too long or too odd to be a path is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
