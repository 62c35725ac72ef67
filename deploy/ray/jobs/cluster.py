"""The Ray cluster of a job: one that is there, or one on this machine for as long as it takes."""

import contextlib
import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from client.errors import ClientError
from client.wording import many
from deploy.ray.store import CACHE_VARIABLE

_OBJECT_STORE_BYTES = 200 << 20  # numbers of parts and counts alone go through it


@dataclass(frozen=True)
class Pool:
    """The workers of a job.

    Attributes:
        fewest: Workers from the beginning.
        most: Workers while there is enough to do and room for them.
        cpus: CPUs that a worker reserves, which is the number of its threads.
        gpus: GPUs that it reserves; a part of one where several workers share it.
    """

    fewest: int
    most: int
    cpus: float
    gpus: float

    def __str__(self) -> str:
        """In words."""
        workers = many(self.most, "worker")
        if self.fewest < self.most:
            workers = f"{self.fewest} to {workers}"
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return f"{workers} with {self.cpus:g} CPU{gpus} each"

    @property
    def device(self) -> str:
        """Where a worker computes; Ray shows it no GPU but its own."""
        return "cuda:0" if self.gpus else "cpu"


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[bool]:
    """Be a driver of a cluster; its tasks and actors end with the block.

    Gives whether nodes may join it: not where it was started here.

    Args:
        address: As `ray start` prints it, or `auto`; None starts one on this machine, unless the
            variable `RAY_ADDRESS` names one.

    Raises:
        ClientError: It cannot be reached or started.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    import ray

    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any] = {"logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    if CACHE_VARIABLE in os.environ:
        options["runtime_env"] = {"env_vars": {CACHE_VARIABLE: os.environ[CACHE_VARIABLE]}}
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = "on this machine" if address == "local" else f"at {address}"
        raise ClientError(f"There is no Ray {where}: {error}") from error
    try:
        yield address != "local"
    finally:
        ray.shutdown()


def pool_for(
    workers: tuple[int, int] | None, *, cpus: float, gpus: float | None, may_grow: bool
) -> Pool:
    """The workers of a job in the cluster that this process is connected to.

    Args:
        workers: Fewest and most; None is as many as there is room for now.
        cpus: CPUs of each.
        gpus: GPUs of each; None is one where the cluster has any, else none.
        may_grow: Whether nodes may join the cluster while it waits.

    Raises:
        ClientError: There is no room for the fewest, and nodes do not join.
    """
    import ray

    there = ray.cluster_resources()
    if gpus is None:
        gpus = 1.0 if there.get("GPU") else 0.0
    needs = {"CPU": cpus, "GPU": gpus}
    fitting = min(math.floor(there.get(kind, 0.0) / need) for kind, need in needs.items() if need)
    fewest, most = workers or (max(fitting, 1), max(fitting, 1))
    if fewest > fitting and not may_grow:
        needed = " and ".join(f"{fewest * need:g} {kind}" for kind, need in needs.items() if need)
        has = " and ".join(f"{there.get(kind, 0.0):g} {kind}" for kind in needs)
        raise ClientError(f"{many(fewest, 'worker')} would reserve {needed}, here is {has}.")
    return Pool(fewest, most, cpus, gpus)
