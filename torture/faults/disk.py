"""No space left where the server keeps its temp folder and its logs."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from torture.account import account, longest_gap_s, lost_of, under_way
from torture.errors import NotHere, TortureError
from torture.fault import Finding, unmet
from torture.place import SHIPPED, Place, look
from torture.served import Served

_SIZE = "64m"
_PIECE = 1 << 20
_START_S = 60.0
_NO_SPACE = "No space left on device"


def full(place: Place) -> Finding:
    """The disk fills up while it serves; its worker dies; then it is started on the full disk."""
    store = place.store(SHIPPED)
    place.close()
    with (
        _small_disk(place.folder / "disk") as disk,
        Served(store=store, folder=place.folder / "full", disk=disk) as served,
    ):
        served.start()
        served.wait_until_ready()
        scene = look(served)
        with scene.load() as load:
            load.wait_for(6)
            _fill(disk)
            load.wait_for(place.pick(20, 100))
            killed = time.monotonic()
            os.kill(served.worker(), signal.SIGKILL)
            load.wait_for(10)
            end = time.monotonic()
        gap = longest_gap_s(load.outcomes, scene.expected, since=killed, until=end)
        code, _ = served.stop(signal.SIGTERM)
        _fill(disk)  # what the server had in its temp folder is free again
        said, started, ended_with = _start_on_full_disk(served)
        (disk / "filler").unlink()
        served.start()
        again_s = served.wait_until_ready()
        same = look(served).expected == scene.expected
    seen = account(load.outcomes, scene.expected)
    lost = lost_of(load.outcomes, scene.expected)
    in_worker = under_way(lost, killed)
    return Finding(
        saw=f'full while it serves: {seen.said}. Started on the full disk: "{said}"',
        returned=f"a new worker after {gap:.1f} s, on the full disk; a server started on it "
        + ("serves" if started else f"serves when there is space, after {again_s:.0f} s"),
        lost=f"{len(lost) - len(in_worker) or 'nothing'} of {seen.requests} by the full disk, "
        f"{len(in_worker)} by the worker's end",
        figures={
            "account": seen.as_dict(),
            "gap_s": gap,
            "stopped_with": code,
            "by_the_workers_end": len(in_worker),
            "said_on_full_disk": said,
            "started_on_full_disk": started,
            "ended_on_full_disk_with": ended_with,
            "ready_with_space_s": again_s,
        },
        broken=unmet(
            {
                "a full disk loses no request": len(lost) == len(in_worker),
                "the worker's end loses one request at most": len(in_worker) <= 1,
                "every request is answered": seen.hung == 0,
                "a new worker answers": gap < _START_S,
                "it stops in order": code == 0,
                "on the full disk it serves, or ends with exit code 1": started or ended_with == 1,
                "it serves as before when there is space": same,
            }
        ),
    )


def _start_on_full_disk(served: Served) -> tuple[str, bool, int]:
    """What is said, whether it serves, and the exit code."""
    served.start()
    try:
        served.wait_until_ready(_START_S)
        started = True
    except TortureError:
        started = False
    said = " ".join(line[4:] for line in served.said().splitlines() if line.startswith("==> "))
    last = (served.said().strip().splitlines() or [""])[-1]
    if reason := next((line for line in served.said().splitlines() if _NO_SPACE in line), ""):
        last = f"{reason.strip()} {last}"
    return said or last, started, served.stop()[0]


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, in memory.

    Raises:
        NotHere: Only root may mount one.
    """
    if os.geteuid() != 0:
        raise NotHere("a small disk to fill is mounted by root alone")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotHere(f"no small disk can be mounted: {error}") from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, timeout=10)


def _fill(disk: Path) -> None:
    """Write until nothing more fits."""
    for size in (_PIECE, 1):
        with (disk / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(size)):
                pass
