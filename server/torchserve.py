"""One TorchServe process tree: start it, wait for its models, stop it without a trace."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from client.errors import ClientError
from client.http import read_key
from client.inference import InferenceApi
from client.management import ManagementClient
from client.ready import STOPPING_FILE
from server.errors import ServerError
from server.java import find_java
from server.log_tail import LogTail
from server.processes import end_group
from server.properties import METRICS, check_ports_free, read_properties
from server.temporary import TemporaryFolder, remove_abandoned

LOG_CONFIG = Path(__file__).parents[1] / "deploy" / "torchserve" / "log4j2.xml"

CONSOLE_LEVELS = ("info", "warn")

_LOAD_FAILURE = "The model could not be loaded: "
_PASSED_OVER = "Failed to load model: "
_WORKER = re.compile(r" W-\d+-(.+)-std(?:out|err) MODEL_LOG - ")
"""Which model and version a line of model_log.log is of: `W-9504-pets_2.0-stdout`."""

_POLL_S = 0.1
_STOP_S = 20.0


class TorchServe:
    """A server that lives as long as a `with` block.

    It gets a temp folder of its own, because TorchServe keeps its pid file and its workers'
    sockets there: two servers that share one stop each other.
    """

    def __init__(
        self,
        *,
        config: Path,
        model_store: Path,
        work_dir: Path,
        models: Sequence[str] = ("all",),
        output: IO[bytes] | None = None,
        model_api: bool = False,
        log_config: Path = LOG_CONFIG,
        console: str = CONSOLE_LEVELS[0],
    ) -> None:
        """Set up, start nothing yet.

        Args:
            config: A `config.properties`.
            model_store: Folder of archives.
            work_dir: Where the server runs; it writes `key_file.json` and `logs/` there.
            models: Archives to load, or `all`.
            output: Where the server's own output goes; None is where ours goes.
            model_api: Whether models can be registered and unregistered while it runs.
            log_config: What TorchServe logs and where. Its own logs what clients send, and twenty
                times as much.
            console: The least level that its output repeats of what it logs, with our log_config.
        """
        self.model_store = model_store.resolve()
        self.work_dir = work_dir.resolve()
        self._models = models
        self._output = output
        self._model_api = model_api
        self.properties = read_properties(config)
        self._config = config.resolve()
        self._log_config = log_config.resolve()
        self._console = console
        self._logs = self.work_dir / "logs"  # where `python -m client models` looks for reasons
        self._temporary: TemporaryFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_starts: dict[str, int] = {}
        self._failures, self._passed_over = self._log_tails()

    @property
    def inference(self) -> InferenceApi:
        """Client of the inference API."""
        url = self.properties["inference_address"]
        return InferenceApi(url, read_key(self.work_dir, "inference"))

    @property
    def management(self) -> ManagementClient:
        """Client of the management API."""
        url = self.properties["management_address"]
        return ManagementClient(url, read_key(self.work_dir, "management"), timeout_s=10)

    def __enter__(self) -> Self:
        """Start the server; it does not answer yet.

        Raises:
            ServerError: A port is taken, there is no Java, no model store, or nowhere to write.
        """
        check_ports_free(self.properties)
        java = find_java()
        if not self.model_store.is_dir():
            raise ServerError(f"There is no model store {self.model_store}: export a model first.")
        self._check_writable()
        self._stopping.unlink(missing_ok=True)  # of a server that was killed
        self._log_starts = {log.name: log.stat().st_size for log in self._logs.glob("*.log")}
        self._failures, self._passed_over = self._log_tails()
        remove_abandoned()
        self._temporary = TemporaryFolder()
        self._process = subprocess.Popen(
            self._command(self._temporary.path),
            cwd=self.work_dir,
            env=self._environment(java, self._temporary.path),
            stdout=self._output,
            stderr=subprocess.STDOUT if self._output else None,
            # Ctrl-C must reach us alone: we stop the server in order.
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and everything that it started."""
        if self._process is None or self._temporary is None:
            return
        try:
            # Java drops what it was sent on SIGTERM as well, after two seconds in which it waits
            # for nothing; and workers that were still loading do not always go with it.
            end_group(self._process.pid, timeout_s=_STOP_S)
        finally:
            self._process.wait()
            self._temporary.remove()
            (self.work_dir / "key_file.json").unlink(missing_ok=True)
            self._stopping.unlink(missing_ok=True)
            self._process = self._temporary = None

    def stop_being_ready(self) -> None:
        """Let `python -m client ready` say that the server stops; it answers as before."""
        with contextlib.suppress(OSError):  # a full disk keeps nothing from being answered
            self._stopping.touch()

    def has_ended(self, *, within_s: float) -> bool:
        """Wait so long at most; whether the server has ended by itself."""
        try:
            self._running().wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_until_ready(
        self, model: str, *, timeout_s: float, progress: Callable[[float], None] = lambda _: None
    ) -> None:
        """Wait until every worker of a model answers.

        Args:
            model: Name of a model that is being loaded.
            timeout_s: Longest wait.
            progress: Called now and then with the seconds that have passed.

        Raises:
            ServerError: The server ended, the model failed to load, or time ran out.
        """
        start = time.monotonic()
        while True:
            passed = time.monotonic() - start
            if self._running().poll() is not None:
                raise ServerError(f"TorchServe ended before it was ready. {self._log_hint()}")
            if failure := self.load_failure(model):
                raise ServerError(f'Model "{model}" failed to load: {failure} {self._log_hint()}')
            if self.is_ready(model):
                return
            if passed > timeout_s:
                raise ServerError(
                    f'Model "{model}" was not ready after {timeout_s:.0f} s. {self._log_hint()}'
                )
            progress(passed)
            time.sleep(_POLL_S)

    def is_ready(self, model: str) -> bool:
        """Whether every worker of a model answers."""
        try:
            states = self.management.worker_states(model)
        except ClientError:
            return False  # the server or the model is not there yet
        return bool(states) and all(state == "READY" for state in states)

    def load_failure(self, model: str) -> str | None:
        """What a worker wrote when it could not load; TorchServe goes on trying for minutes."""
        lines = self._failures.lines()
        if not lines:
            return None
        try:
            # "pets_2.0" alone may be version 2.0 of pets, and the beginning of pets_2.0_small.
            known = {f"{model}_{one.version}" for one in self.management.versions(model)}
        except ClientError:
            return None  # it does not answer yet, and the lines stay
        for line in lines:
            worker = _WORKER.search(line)
            if worker and worker[1] in known:
                return line.partition(_LOAD_FAILURE)[2]
        return None

    def passed_over(self) -> list[str]:
        """Archives that TorchServe could not open and left out, which it says in one line."""
        return [
            line.partition(_PASSED_OVER)[2].split()[0]
            for line in self._passed_over.lines()
            if not line.endswith(_PASSED_OVER)
        ]

    def log_since_start(self, name: str) -> str:
        """What this server has written to one of its logs; earlier ones wrote there as well."""
        log = self._logs / name
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(self._log_starts.get(name, 0))
            return file.read().decode("utf-8", errors="replace")

    @property
    def _stopping(self) -> Path:
        return self.work_dir / STOPPING_FILE

    def _log_tails(self) -> tuple[LogTail, LogTail]:
        return (
            LogTail(self._logs / "model_log.log", _LOAD_FAILURE),
            LogTail(self._logs / "ts_log.log", _PASSED_OVER),
        )

    def _log_hint(self) -> str:
        return f"Its logs are in {self._logs}."

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("The server runs inside its with block only.")
        return self._process

    def _check_writable(self) -> None:
        """TorchServe itself ends with a page of Java where it cannot write its keys."""
        for folder, what in ((self.work_dir, "key_file.json"), (self._logs, "its logs")):
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise ServerError(f"{folder} cannot be written; the server needs it for {what}.")

    def _effective_config(self, temp: Path) -> Path:
        """The owner's file as it is, with a last line that wins."""
        config = temp / "config.properties"
        text = self._config.read_text(encoding="utf-8")
        if METRICS in self.properties:
            text += f"\n\n{METRICS}={self.properties[METRICS]}\n"
        config.write_text(text, encoding="utf-8")
        return config

    def _command(self, temp: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"),
            *("--ts-config", str(self._effective_config(temp))),
            *("--log-config", str(self._log_config)),
            *("--model-store", str(self.model_store)),
            *(("--enable-model-api",) if self._model_api else ()),
            *("--models", *self._models),
        ]

    def _environment(self, java: Path, temp: Path) -> dict[str, str]:
        environment = {
            **os.environ,
            "JAVA_HOME": str(java.parent.parent),
            "TMPDIR": str(temp),
            "TEMP": str(temp),
            "LOG_LOCATION": str(self._logs),
            "METRICS_LOCATION": str(self._logs),
            "TORCHSERVE_CONSOLE": self._console,
        }
        # It comes before the archive on a worker's path: the checkout's handler would run instead.
        environment.pop("PYTHONPATH", None)
        environment.pop("TS_CONFIG_FILE", None)  # it would win over --ts-config
        return environment
