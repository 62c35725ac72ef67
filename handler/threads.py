"""How many threads a worker computes with: its share of the machine that it starts on.

torch takes every core, in every worker. With two workers on two cores that is four threads, and an
operation that waits for one of them to be scheduled may take ten times as long.
"""

import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import torch

log = logging.getLogger(__name__)

_CGROUP = Path("/sys/fs/cgroup")
"""Where the kernel says what a container may use: microseconds of computing in a period."""


def settle_threads(model_config: Mapping[str, Any] | None) -> int:
    """Set the threads of torch and OpenCV for this process, unless OMP_NUM_THREADS says otherwise.

    Results of float32 sums depend on the number of threads in their last bits, so what `exact`
    equals is `DefaultPredictor` with that number.

    Args:
        model_config: The archive's `model-config.yaml`, whose `minWorkers` share the machine. If
            it has not both `minWorkers` and `maxWorkers`, TorchServe starts one for each core.
            Workers that the management API adds later are not known here.

    Returns:
        The number.
    """
    threads = torch.get_num_threads()
    if not os.environ.get("OMP_NUM_THREADS", "").strip():
        cores = min(threads, _cores_of_container())
        threads = max(cores // _workers(model_config, cores), 1)
        torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    log.info("Threads: %d", threads)
    return threads


def _workers(model_config: Mapping[str, Any] | None, cores: int) -> int:
    fewest, most = ((model_config or {}).get(name) for name in ("minWorkers", "maxWorkers"))
    if type(fewest) is int and type(most) is int and 0 < fewest <= most:
        return fewest
    return cores


def _cores_of_container() -> int:
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # v2, v1
        try:
            content = " ".join((_CGROUP / file).read_text() for file in files)
            quota, period = (int(number) for number in content.split())
        except (OSError, ValueError):  # no such file, or no limit: "max"
            continue
        if quota > 0:  # v1 has -1 for no limit
            return math.ceil(quota / period)
    return os.cpu_count() or 1
