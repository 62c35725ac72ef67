"""A real Prometheus that scrapes a real TorchServe, both with the shipped files, and requests."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from examples.coins.photograph import photograph_path
from server.ports import unused_ports, with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import LOG_CONFIG, TorchServe
from tests.conftest import repack
from tests.images import noise_bgr, png
from tests.tools.debian import ToolMissing, command
from torture.variants import make_variant

DEPLOY = Path(__file__).parents[3] / "deploy"

(_GROUP,) = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
RULES = {rule.get("alert") or rule["record"]: rule["expr"] for rule in _GROUP["rules"]}
"""Expressions of alerts, and of what is recorded, by their names."""

ODD_NAMES = ("a:b,c|d#e", 'Straße "猫" \\', "x" * 300)

GOOD = png(noise_bgr(96, 128))
BIG = png(noise_bgr(400, 500))


def program(name: str) -> list[str]:
    try:
        return command(name)
    except ToolMissing as reason:
        pytest.skip(str(reason))


def promtool(*arguments: str | Path) -> str:
    """Run promtool, which has to be content; what it said."""
    run = subprocess.run(
        [*program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def odd_names(content: bytes) -> bytes:
    """A metadata.json with other names of classes."""
    document = json.loads(content)
    for one, name in zip(document["classes"], ODD_NAMES, strict=True):
        one["name"] = name
    return json.dumps(document).encode()


@dataclass
class Site:
    """A running TorchServe, and what it was asked.

    Attributes:
        answers: Number of answers by model and status.
        seconds: That clients waited, by model.
        timings: Milliseconds by model and stage, as Server-Timing said.
        detections: Objects that were answered, by model and class.
    """

    server: TorchServe
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    timings: Counter[tuple[str, str]] = field(default_factory=Counter)
    detections: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def logs(self) -> Path:
        return self.server.work_dir / "logs"

    def url(self, api: str) -> str:
        return self.server.properties[f"{api}_address"]

    def post(
        self, model: str, *, key: str | None = None, query: str = "", **kwargs: Any
    ) -> requests.Response:
        """Ask a model, and remember what came back."""
        headers = {"Authorization": f"Bearer {key or self.server.inference.token}"}
        if isinstance(kwargs.get("data"), bytes):
            headers["Content-Type"] = "application/octet-stream"
        headers.update(kwargs.pop("headers", {}))
        url = f"{self.url('inference')}/predictions/{model}{query}"
        start = time.monotonic()
        response = requests.post(url, headers=headers, timeout=60, **kwargs)
        self.answers[model, response.status_code] += 1
        self.seconds[model] += time.monotonic() - start
        for part in response.headers.get("Server-Timing", "").split(", "):
            stage, _, duration = part.partition(";dur=")
            if stage:
                self.timings[model, stage] += float(duration)
        if response.status_code == 200:
            for answer in response.json().get("predictions", []):
                for one in answer.get("predictions", [answer]):
                    if "class_name" in one:
                        self.detections[model, one["class_name"]] += 1
        return response

    def fail(self) -> None:
        """Send what TorchServe itself answers with 500: no worker sees it."""
        headers = {
            "Authorization": f"Bearer {self.server.inference.token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self.url('inference')}/predictions/odd"
        assert requests.post(url, data=b"a=%zz", headers=headers, timeout=60).status_code == 500

    def worker_pids(self, model: str) -> list[int]:
        """Process ids of a model's workers."""
        headers = {"Authorization": f"Bearer {self.server.management.token}"}
        url = f"{self.url('management')}/models/{model}"
        (described,) = requests.get(url, headers=headers, timeout=10).json()
        return [one["pid"] for one in described["workers"]]

    def register(self, archive: str, model: str, *, workers: int) -> None:
        """Register an archive of the model store and wait until it is loaded."""
        query = {"url": archive, "model_name": model, "initial_workers": workers}
        query["synchronous"] = "true"
        headers = {"Authorization": f"Bearer {self.server.management.token}"}
        url = f"{self.url('management')}/models"
        requests.post(url, params=query, headers=headers, timeout=120).raise_for_status()

    def scrape(self) -> str:
        """What the server says at its metrics port, without a key."""
        response = requests.get(f"{self.url('metrics')}/metrics", timeout=10)
        response.raise_for_status()
        return response.text


@pytest.fixture(scope="package")
def deploy() -> Path:
    return DEPLOY


@contextlib.contextmanager
def running_server(
    root: Path,
    folder: Path,
    model_store: Path,
    *models: str,
    log_config: Path = LOG_CONFIG,
) -> Iterator[TorchServe]:
    """Serve some models of a store, with the shipped config.properties, until all are ready."""
    write_properties(
        folder / "config.properties", with_free_ports(read_properties(root / "config.properties"))
    )
    with (
        (folder / "output.log").open("wb") as output,
        TorchServe(
            config=folder / "config.properties",
            model_store=model_store,
            models=[f"{model}={model}.mar" for model in models],
            work_dir=folder / "run",
            output=output,
            model_api=True,
            log_config=log_config,
        ) as server,
    ):
        for model in models:
            server.wait_until_ready(model, timeout_s=240)
        yield server


@pytest.fixture(scope="package")
def site(
    pytestconfig: pytest.Config, coins: Path, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """`coins`; `odd` with odd names and two workers; `batched`, in batches of four; `idle`, which
    has no worker.
    """
    model_store = tmp_path_factory.mktemp("store")
    shutil.copy(coins, model_store)
    tiny = store / "tiny.mar"
    two_workers = tmp_path_factory.mktemp("repacked") / "two-workers.mar"
    repack(tiny, two_workers, minWorkers=2, maxWorkers=2)
    make_variant(two_workers, model_store / "odd.mar", "1.0", {"metadata.json": odd_names})
    limit = {"max_image_pixels": 150_000}
    repack(tiny, model_store / "batched.mar", batchSize=4, maxBatchDelay=300, detectron2=limit)
    with running_server(
        pytestconfig.rootpath,
        tmp_path_factory.mktemp("server"),
        model_store,
        *("coins", "odd", "batched"),
    ) as server:
        site = Site(server)
        repack(tiny, model_store / "idle.mar", minWorkers=None, maxWorkers=None)
        site.register("idle.mar", "idle", workers=0)
        yield site


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        response = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        document = response.json()
        assert document["status"] == "success", document
        return document["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.get("query", query=expression)["result"]

    def wait_for(self, expression: str) -> None:
        """Wait until a query has an answer."""
        for _ in range(150):
            if self.query(expression):
                return
            time.sleep(0.2)
        pytest.fail(f"{expression} has no answer")


@pytest.fixture(scope="package")
def prometheus(
    site: Site, deploy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """With the shipped configuration; what differs is the port, and how often it asks."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(deploy / "prometheus" / "alerts.yml", folder)
    shipped = (deploy / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    config = shipped.replace("127.0.0.1:8082", site.url("metrics").removeprefix("http://"))
    config = config.replace("_interval: 15s", "_interval: 1s")
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    (port,) = unused_ports(1)
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    running = Prometheus(f"http://127.0.0.1:{port}")
    with (
        (folder / "output.log").open("wb") as output,
        subprocess.Popen([*program("prometheus"), *arguments], stderr=output) as process,
    ):
        try:
            for _ in range(100):
                assert process.poll() is None, (folder / "output.log").read_text()
                try:
                    requests.get(f"{running.url}/-/ready", timeout=5).raise_for_status()
                    break
                except requests.RequestException:
                    time.sleep(0.1)
            running.wait_for('up{job="torchserve"} == 1')
            yield running
        finally:
            process.terminate()
            process.wait(20)


def as_list(*images: bytes) -> dict[str, Any]:
    return {"instances": [base64.b64encode(one).decode() for one in images]}


@pytest.fixture(scope="package")
def asked(site: Site, prometheus: Prometheus) -> Site:
    """The site after some requests, good and bad, which Prometheus has seen."""
    photograph = photograph_path().read_bytes()
    for _ in range(3):
        site.post("coins", data=photograph)
        site.post("odd", data=GOOD)
        site.post("odd", data=b"hello")
        site.post("odd", json=as_list(GOOD, b"hello", GOOD))
        site.post("odd", data=GOOD, headers={"X-Format": "xml"})
        site.post("odd", data=png(noise_bgr(1, 1)))
        site.post("batched", data=GOOD)
        site.post("batched", data=BIG)  # too large for it
        site.post("idle", data=GOOD)
        site.post("not-there", data=GOOD)
        site.fail()
        time.sleep(1)
    prometheus.wait_for('detectron2_errors_total{type="ImageTooLarge"} == 3')
    time.sleep(2)
    return site
