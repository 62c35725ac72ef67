"""One `python -m server` in a folder of its own: what an owner starts, and faults are done to."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from client.errors import ClientError
from client.http import read_key
from client.management import ManagementClient
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from torture.errors import TortureError

MODEL = "coins"
ROOT = Path(__file__).parents[1]

_START_S = 300.0
_STOP_S = 90.0
_LEFT_S = 5.0
_POLL_S = 0.05
_MANAGEMENT_TIMEOUT_S = 10.0


class Served:
    """A server; inside its `with` block it can be stopped and started as often as one likes.

    Attributes:
        properties: Lines of its config.properties, with ports that nobody else uses.
        run_dir: Where it runs; logs are there.
        temp: The folder that its own temp folder is made in.
        left: Processes that it left behind when it had ended; there should be none.
    """

    def __init__(
        self,
        *,
        store: Path,
        folder: Path,
        properties: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        prefix: Sequence[str] = (),
        disk: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Set up, start nothing yet.

        Args:
            store: The model store.
            folder: Where config.properties and output go.
            properties: Lines of the shipped config.properties that are other ones here.
            arguments: Of `python -m server`.
            prefix: A command that runs the server's command.
            disk: Where logs and temp folder go; None is `folder`.
            environment: Variables that it gets besides ours.
        """
        shipped = read_properties(ROOT / "config.properties")
        self.properties = with_free_ports({**shipped, **(properties or {})})
        self.run_dir = (disk or folder) / "run"
        self.temp = (disk or folder) / "temp"
        self.left: list[str] = []
        self._folder = folder
        self._command = [
            *(*prefix, sys.executable, "-m", "server"),
            *("--ts-config", str(folder / "config.properties")),
            *("--model-store", str(store)),
            *arguments,
        ]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temp),
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        """Make the folders."""
        for folder in (self._folder, self.run_dir, self.temp):
            folder.mkdir(parents=True, exist_ok=True)
        write_properties(self._folder / "config.properties", self.properties)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and everything that it started."""
        if self._process is not None:
            self.stop()

    def start(self) -> None:
        """Start the server; it does not answer yet."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.run_dir,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone: we stop it in order
            )

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Send a signal and wait for the end.

        Args:
            number: SIGINT stops at once, SIGTERM when everything is answered.

        Returns:
            Exit code, and the seconds that it took.
        """
        start = time.monotonic()
        if self.process.poll() is None:
            self.processes()
            self.process.send_signal(number)
        code = self.wait(_STOP_S)
        return code, time.monotonic() - start

    def wait(self, timeout_s: float) -> int:
        """Wait for the server's end, and kill it where it does not come.

        Returns:
            The exit code.
        """
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.left.append(f"python -m server did not end in {timeout_s:.0f} s")
            self.process.kill()
            code = self.process.wait()
        self._process = None
        self._end_leftovers()
        return code

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Of `python -m server`."""
        if self._process is None:
            raise TortureError("The server was asked for something while it was not running.")
        return self._process

    def wait_until_ready(self, timeout_s: float = _START_S) -> float:
        """Wait until every worker is READY.

        Returns:
            Seconds that it took.

        Raises:
            TortureError: The server ended, or time ran out; with its last words.
        """
        start = time.monotonic()
        while not self.is_ready():
            if self.process.poll() is not None:
                raise TortureError(f"The server ended: {self.said()[-500:]}")
            if time.monotonic() - start > timeout_s:
                raise TortureError(f"Not ready after {timeout_s:.0f} s: {self.said()[-500:]}")
            time.sleep(_POLL_S)
        self.processes()
        return time.monotonic() - start

    def is_ready(self) -> bool:
        """Whether every worker is READY."""
        try:
            return self.management.version(MODEL).is_ready
        except ClientError:
            return False  # not there yet

    def worker(self) -> int:
        """Process id of the one worker.

        Raises:
            TortureError: There is none, or several.
        """
        pids = [worker.pid for worker in self.management.version(MODEL).workers if worker.pid]
        if len(pids) != 1:
            raise TortureError(f"One worker was expected, there are {len(pids)}.")
        return pids[0]

    def java(self) -> psutil.Process:
        """TorchServe's own process.

        Raises:
            TortureError: There is none.
        """
        for process in self.processes():
            if process.name() == "java":
                return process
        raise TortureError("TorchServe's Java process is not there.")

    def processes(self) -> set[psutil.Process]:
        """Everything that the server has started and that runs."""
        with contextlib.suppress(psutil.NoSuchProcess):  # what was seen before is known
            self._seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return {process for process in self._seen if _runs(process)}

    def said(self) -> str:
        """What it has written since it was started."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def log(self, name: str) -> str:
        """What it and its predecessors have written to one of TorchServe's logs."""
        file = self.run_dir / "logs" / name
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return f"{self.properties['inference_address']}/predictions/{MODEL}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of predictions."""
        host, _, port = self.properties["inference_address"].rpartition("/")[2].partition(":")
        return host, int(port)

    @property
    def token(self) -> str | None:
        """The inference key."""
        return read_key(self.run_dir, "inference")

    @property
    def management(self) -> ManagementClient:
        """Client of the management API."""
        token = read_key(self.run_dir, "management")
        url = self.properties["management_address"]
        return ManagementClient(url, token, timeout_s=_MANAGEMENT_TIMEOUT_S)

    @property
    def _output(self) -> Path:
        return self._folder / "output.log"

    def _end_leftovers(self) -> None:
        _, alive = psutil.wait_procs([one for one in self._seen if _runs(one)], timeout=_LEFT_S)
        for process in alive:
            if _runs(process):
                self.left.append(f"process {process.pid} was left behind")
                process.kill()
        self._seen.clear()


def _runs(process: psutil.Process) -> bool:
    """Whether it does; a dead one that nobody has waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
