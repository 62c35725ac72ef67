"""Jobs as processes of their own, as people start them; each is gone at the end, with its Ray."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from tests.deploy.ray.running import RayCluster

ROOT = Path(__file__).parents[4]
_GONE_S = 30


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Jobs:
    """Starts `predict` in a folder; ends with the `with` block."""

    def __init__(
        self, folder: Path, archive: Path | str, cluster: RayCluster | None = None
    ) -> None:
        self._folder = folder
        self._archive = archive
        self._cluster = cluster
        # Ray's sockets lie in it, and the path of a socket has at most 107 characters.
        self.ray = Path(tempfile.mkdtemp(prefix="ray-", dir=tempfile.gettempdir()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_everything()
        shutil.rmtree(self.ray, ignore_errors=True)

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """Begin a job."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            "RAY_TMPDIR": str(self.ray),
            "DETECTRON2_ARCHIVE_CACHE": str(self.ray / "archives"),
        }
        for name in ("OMP_NUM_THREADS", "RAY_ADDRESS"):  # Ray sets the former by --num-cpus
            environment.pop(name, None)
        command = [sys.executable, "-m", "deploy.ray", "predict", "--archive", str(self._archive)]
        if self._cluster is not None:
            command += ["--address", self._cluster.address]
            environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._cluster.ray_token}
        return subprocess.Popen(
            [*command, *map(str, words)],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: object, timeout_s: float = 240) -> Said:
        """Do a job."""
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                raise AssertionError(f"It takes too long. It said:\n{out}\n{err}") from None
        return Said(process.returncode, out, err)

    def processes(self) -> list[psutil.Process]:
        """Every process that works for these jobs: drivers, Ray's own and its workers."""
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def workers(self) -> list[psutil.Process]:
        """Those that have loaded a model, or are about to."""
        return [one for one in self.processes() if "MapWorker" in _title(one)]

    def kill_everything(self) -> None:
        """As a machine goes: no process has a last word."""
        found = self.processes()
        for process in found:
            _kill(process)
        deadline = time.monotonic() + _GONE_S
        # Looked at and not waited for, which would take the exit code away from who started it.
        while left := [one for one in found if _lives(one)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("RAY_TMPDIR") == str(self.ray)
        except psutil.Error:
            return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
