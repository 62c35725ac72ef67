"""Starts and stops N2's server."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks.errors import ArmUnavailable
from benchmarks.http import Endpoint, Post
from benchmarks.material import Image
from benchmarks.models import ModelFiles
from benchmarks.processes import Tree, started_by
from server.ports import unused_ports

INSTALLED = Path(__file__).parents[2] / "build" / "litserve"
"""Where `make bench` installs it, apart from everything else."""

_APP = Path(__file__).with_name("litserve_app.py")
_READY_S = 600.0
_STOP_S = 10.0


@dataclass(frozen=True)
class LitServing:
    """A server that is ready.

    Attributes:
        endpoint: Where it answers.
        tree: Its processes.
        seconds_to_ready: From its start until it said that it is ready.
    """

    endpoint: Endpoint
    tree: Tree
    seconds_to_ready: float


@contextmanager
def lit_serving(
    files: ModelFiles, folder: Path, *, workers: int, threads: int, device: str
) -> Iterator[LitServing]:
    """Start a server, wait until its workers are ready; stop it after the block.

    Raises:
        ArmUnavailable: It is not installed, or does not start.
    """
    if not (INSTALLED / "litserve").is_dir():
        raise ArmUnavailable("LitServe is not there: make bench installs it into build/litserve.")
    folder.mkdir(parents=True)
    (port,) = unused_ports(1)
    start = time.perf_counter()
    with (folder / "output.log").open("wb") as output, started_by() as tree:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", str(_APP), str(files.config_file), str(files.weights)),
                *(device, str(port), str(workers)),
            ],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(INSTALLED),
                "OMP_NUM_THREADS": str(threads),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, port, folder / "output.log")
        seconds = time.perf_counter() - start
        headers = {"Content-Type": "application/json"}
        yield LitServing(Endpoint("127.0.0.1", port, "/predict", headers), tree, seconds)
    finally:
        _stop(process)


def posts(images: Sequence[Image]) -> list[Post]:
    """What is sent for each image."""
    return [
        Post(json.dumps({"image": base64.b64encode(image.jpeg).decode()}).encode())
        for image in images
    ]


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    raise ArmUnavailable(f"LitServe did not start: {lines[-1] if lines else 'it wrote nothing'}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(_STOP_S)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass  # killed below
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
