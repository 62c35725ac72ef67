"""The most memory that this process has had."""

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float | None:
    """Peak of the resident set in megabytes (10^6 bytes); None where the system does not say.

    Not getrusage's, which begins with that of the process that this one was forked from.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 / 1e6 if found else None
