"""Memory of a process: what is its own, and the most that it ever had."""

import re
from pathlib import Path

import psutil

MEGABYTE = 1e6


def own_mb(pid: int) -> float:
    """What would be free if the process ended (USS), in megabytes."""
    return float(psutil.Process(pid).memory_full_info().uss / MEGABYTE)


def resident_mb(pid: int) -> float:
    """What it has in memory, with what it shares (RSS), in megabytes."""
    return float(psutil.Process(pid).memory_info().rss / MEGABYTE)


def forget_peak(pid: int) -> None:
    """Let `peak_mb` begin again.

    Raises:
        OSError: The process is gone, or is not ours.
    """
    # Linux, Documentation/filesystems/proc.rst: 5 resets the peak to what there is now.
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_mb(pid: int) -> float:
    """Most that it has had in memory at once, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / MEGABYTE if found else 0.0
