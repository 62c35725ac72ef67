"""Image files as sources of a run."""

from pathlib import Path

from client.answers.run import Source
from client.question import encoded


def file_source(path: Path, name: str | None = None) -> Source:
    """An image file; it is read when its turn comes.

    Args:
        path: Of the file. That it cannot be read is found out then.
        name: Of it alone in the run; None is the path as it is given.
    """
    return Source(name or str(path), fingerprint(path), lambda: encoded(path))


def fingerprint(path: Path) -> str:
    """Size and time of the last change; of a file that is not there the empty text."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"
