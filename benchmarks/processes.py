"""Processes that were started here: what they use, and whether any is left."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied)


@dataclass
class Tree:
    """A process that was started here and everything that it has started.

    Attributes:
        roots: The processes that were started.
        seen: All that were found among them so far.
    """

    roots: list[psutil.Process] = field(default_factory=list)
    seen: set[psutil.Process] = field(default_factory=set)

    def processes(self) -> set[psutil.Process]:
        """Those that run."""
        for root in self.roots:
            try:
                self.seen |= {root, *root.children(recursive=True)}
            except _GONE:
                continue
        return {process for process in self.seen if process.is_running()}

    def cpu_seconds(self) -> float:
        """Processor time that the running ones have used in their lives."""
        return sum(map(_cpu_seconds, self.processes()))


@contextmanager
def started_by() -> Iterator[Tree]:
    """Notice the processes that are started inside the block.

    Yields:
        A tree that has its roots after the block.
    """
    tree = Tree()
    before = set(psutil.Process().children())
    try:
        yield tree
    finally:
        tree.roots += set(psutil.Process().children()) - before
        tree.processes()


def idle_cpu(trees: dict[str, Tree], *, seconds: float) -> dict[str, float]:
    """Share of one core that each tree uses while nobody asks it anything."""
    before = {name: tree.cpu_seconds() for name, tree in trees.items()}
    time.sleep(seconds)
    return {
        name: max(tree.cpu_seconds() - before[name], 0.0) / seconds for name, tree in trees.items()
    }


def memory_mb(pids: Sequence[int]) -> dict[str, list[float]]:
    """Memory of processes, in megabytes each.

    Returns:
        `uss`: what would be free if the process ended; `rss`: with what it shares.
    """
    found: dict[str, list[float]] = {"uss": [], "rss": []}
    for pid in pids:
        try:
            memory = psutil.Process(pid).memory_full_info()
        except _GONE:
            continue
        found["uss"].append(memory.uss / 1e6)
        found["rss"].append(memory.rss / 1e6)
    return found


def end_leftovers(trees: Sequence[Tree]) -> list[str]:
    """Kill what still runs of trees that were stopped.

    Returns:
        What was killed; none if all is as it should be.
    """
    left = {process for tree in trees for process in tree.processes()}
    _, left_alive = psutil.wait_procs(left, timeout=5)
    killed = []
    for process in left_alive:
        try:
            killed.append(f"{process.pid} {process.name()}")
            process.kill()
        except _GONE:
            continue
    return killed


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except _GONE:
        return 0.0
    return float(times.user + times.system)
