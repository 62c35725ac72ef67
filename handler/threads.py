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

_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use: microseconds of computing and of the period that they are for."""


def settle_threads(model_config: Mapping[str, Any] | None) -> int:
    """Set the threads of torch and OpenCV for this process, unless OMP_NUM_THREADS says otherwise.

    Results of float32 sums depend on the number of threads in their last bits, so what `exact`
    equals is `DefaultPredictor` with that number.

    Args:
        model_config: The archive's `model-config.yaml`, whose `minWorkers` share the machine;
            without it TorchServe starts a worker for each core.

    Returns:
        The number.
    """
    threads = torch.get_num_threads()
    if "OMP_NUM_THREADS" not in os.environ:
        cores = min(threads, _cores_of_container())
        threads = max(cores // _workers(model_config, cores), 1)
        torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    log.info("Threads: %d", threads)
    return threads


def _workers(model_config: Mapping[str, Any] | None, cores: int) -> int:
    workers = (model_config or {}).get("minWorkers")
    return workers if type(workers) is int and workers > 0 else cores


def _cores_of_container() -> int:
    try:
        quota, period = _QUOTA_FILE.read_text().split()
        return max(math.ceil(int(quota) / int(period)), 1)
    except (OSError, ValueError):  # no such file, or no limit ("max")
        return os.cpu_count() or 1
