"""A Ray cluster on this machine that serves a config, asked as tests ask TorchServe."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from client.inference import InferenceApi
from client.management import ManagementClient
from server.ports import unused_ports

ROOT = Path(__file__).parents[3]
START_S = 180


class RayCluster:
    """Nodes of a cluster, all of them on this machine; ends with the `with` block."""

    def __init__(self, *, nodes: int, cpus: int, log: Path) -> None:
        self._nodes = nodes
        self._cpus = cpus
        self._log = log
        self.ray_token = secrets.token_hex(32)
        self._process: subprocess.Popen[str] | None = None
        # Ray's sockets lie in it, and the path of a socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir=tempfile.gettempdir()))
        self.port, self._dashboard_port, self._agent_port = unused_ports(3)
        self.dashboard = f"http://127.0.0.1:{self._dashboard_port}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = ""  # of its head, for drivers

    def __enter__(self) -> Self:
        (self._folder / "ray").mkdir()
        environment = {
            **os.environ,
            "RAY_TMPDIR": str(self._folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.ray_token,
            "DETECTRON2_ARCHIVE_CACHE": str(self._folder / "archives"),
        }
        environment.pop("OMP_NUM_THREADS", None)  # Ray sets it to the cores of each replica
        numbers = {
            "nodes": self._nodes,
            "cpus": self._cpus,
            "dashboard-port": self._dashboard_port,
            "agent-port": self._agent_port,
        }
        arguments = [text for name, n in numbers.items() for text in (f"--{name}", str(n))]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("nodes.py")), *arguments],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.address = self._read()["address"]
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        left = _tree(process.pid)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        left += [one for one in psutil.process_iter() if _belongs(one, self._folder)]
        for one in left:
            if one.is_running() and one.pid != os.getpid():
                one.kill()
        psutil.wait_procs(left, timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def add_node(self) -> None:
        """Start one more."""
        self._say("add")

    def kill_node(self) -> None:
        """End the newest one, all of its processes at once."""
        self._say("kill")

    def deploy(self, config: dict[str, Any]) -> None:
        """Hand over a Serve config, as `serve deploy` does."""
        response = self._ask("PUT", json=config)
        assert response.ok, response.text

    def details(self) -> dict[str, Any]:
        """What Serve says of itself."""
        found: dict[str, Any] = self._ask("GET").json()
        return found

    def wait_until_running(self, count: int) -> None:
        """Wait for that many applications, all of them running."""
        deadline = time.monotonic() + START_S
        while True:
            applications = self.details()["applications"]
            states = {name: one["status"] for name, one in applications.items()}
            if len(states) == count and set(states.values()) == {"RUNNING"}:
                return
            said = {name: one["message"] for name, one in applications.items() if one["message"]}
            assert time.monotonic() < deadline, (states, said)
            time.sleep(0.5)

    def replicas(self, application: str) -> list[dict[str, Any]]:
        """Of an application's only deployment, those that run."""
        (deployment,) = self.details()["applications"][application]["deployments"].values()
        return [one for one in deployment["replicas"] if one["state"] == "RUNNING"]

    def pids(self, application: str) -> set[int]:
        """Process ids of the replicas of an application that run."""
        return {one["pid"] for one in self.replicas(application)}

    def logs(self, pattern: str) -> str:
        """What Serve's processes have logged so far into files of that name."""
        files = self._folder.glob(f"ray/session_latest/logs/serve/{pattern}")
        return "".join(file.read_text(errors="replace") for file in sorted(files))

    def metrics(self) -> str:
        """What all processes export for Prometheus, found as Prometheus finds it."""
        (found,) = json.loads(
            (self._folder / "ray" / "prom_metrics_service_discovery.json").read_text()
        )
        return "".join(
            requests.get(f"http://{target}/metrics", timeout=10).text for target in found["targets"]
        )

    def _ask(self, method: str, **content: Any) -> requests.Response:
        url = f"{self.dashboard}/api/serve/applications/"
        headers = {"Authorization": f"Bearer {self.ray_token}"}
        return requests.request(method, url, headers=headers, timeout=60, **content)

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            assert line, self._log.read_text(errors="replace")[-3000:]
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found


class RayServed:
    """A served store, with as much of `server.torchserve.TorchServe` as its request tests touch."""

    def __init__(
        self,
        cluster: RayCluster,
        token: str,
        config: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        self.cluster = cluster
        self.config = config
        self.settings = settings  # that `make_config` made it with
        self.inference = InferenceApi(cluster.url, token)
        self.management = ManagementClient(cluster.url, token)


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("RAY_TMPDIR") == str(folder)
    except psutil.Error:
        return False
