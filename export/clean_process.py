"""Runs an opened archive in a process of its own, where nothing of this checkout runs."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from export.open_as_worker import ANSWERS, Arrays

Answer = tuple[int, str]
"""Status and body."""


class ProcessFailed(Exception):
    """The process ended with an error; the message is its last words."""


def outputs_of(
    program: Sequence[str | Path],
    inputs: Path,
    *,
    opened: Path,
    images: int,
    beside: Sequence[Path] = (),
) -> tuple[list[Arrays], list[Answer]]:
    """Let a program predict, and read what it leaves.

    Args:
        program: What Python runs; called with the opened archive, `inputs`, and a file for its
            outputs, which is written as `open_as_worker` writes it.
        inputs: What it reads.
        opened: Folder that the archive was opened in, first on Python's path.
        images: How many it predicts on.
        beside: What else is on the path.

    Returns:
        Of each image every number of the network, by name, and what the handler answers.

    Raises:
        ProcessFailed: The program ended with an error.
    """
    outputs_file = inputs.with_name("outputs.npz")
    finished = subprocess.run(
        [sys.executable, "-P", *program, opened, inputs, outputs_file],
        cwd=opened,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (opened, *beside))),
            "PYTHONWARNINGS": "ignore",
            # As many as the reference has: the last bits of sums depend on it.
            "OMP_NUM_THREADS": str(torch.get_num_threads()),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines()
        raise ProcessFailed(lines[-1] if lines else f"it ended with code {finished.returncode}")
    found: list[Arrays] = [{} for _ in range(images)]
    with np.load(outputs_file) as outputs:
        for name in outputs.files:
            index, _, output = name.partition("/")
            if name != ANSWERS:
                found[int(index)][output] = outputs[name]
        return found, json.loads(str(outputs[ANSWERS]))
