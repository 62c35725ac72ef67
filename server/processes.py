"""Ends a group of processes, and says when the last one is gone."""

import contextlib
import os
import signal
import time

import psutil

_POLL_S = 0.02


def end_group(group: int, *, timeout_s: float) -> None:
    """Kill every process of a group and wait until none is left; its ports are free then.

    Args:
        group: Its number, which is that of the process that began it.
        timeout_s: Longest wait: the kernel may hold a process that waits for a disk or a GPU.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + timeout_s
    while _runs(group) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _runs(group: int) -> bool:
    """Whether one of it does; a dead one that nobody has waited for does not."""
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
