"""The autoscaler's query, asked of a real Prometheus about a real TorchServe with a real queue."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from server.ports import unused_ports, with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from tests.deploy.kubernetes.objects import the
from tests.holding import Gate, make_held, statuses
from tests.tools.debian import ToolMissing, command


@pytest.fixture
def server(render, deploy: Path, store: Path, tmp_path: Path) -> Iterator[TorchServe]:
    """A model that answers when it is let, on a server with the settings of a pod."""
    models = tmp_path / "models"
    models.mkdir()
    make_held(store / "tiny.mar", models / "held.mar")
    config = tmp_path / "config.properties"
    rendered = the(render("overlays/cpu"), "ConfigMap", "torchserve-config")["data"]
    config.write_text(rendered["config.properties"])
    properties = with_free_ports(read_properties(config))
    properties["metrics_config"] = str(deploy / "torchserve" / "metrics.yaml")  # is in /app there
    write_properties(config, properties)
    with (
        (tmp_path / "output.log").open("wb") as output,
        TorchServe(
            config=config, model_store=models, work_dir=tmp_path / "run", output=output
        ) as server,
    ):
        server.wait_until_ready("held", timeout_s=240)
        yield server


@contextlib.contextmanager
def prometheus(target: str, folder: Path) -> Iterator[str]:
    """Scrapes a server as a pod of the cluster; its address."""
    try:
        program = command("prometheus")
    except ToolMissing as reason:
        pytest.skip(str(reason))
    labels = {"namespace": "pets", "pod": "a"}
    scrape = {"job_name": "torchserve", "static_configs": [{"targets": [target], "labels": labels}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (port,) = unused_ports(1)
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        (folder / "output.log").open("wb") as output,
        subprocess.Popen([*program, *arguments], stderr=output) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, query: str) -> float:
    """The value of the only answer of a query, when there is one."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException):
            answer = requests.get(f"{url}/api/v1/query", params={"query": query}, timeout=10)
            found = answer.json()
            assert found["status"] == "success", json.dumps(found)
            if found["data"]["result"]:
                (one,) = found["data"]["result"]
                assert one["metric"].get("pod") == "a"
                return float(one["value"][1])
        time.sleep(0.2)
    pytest.fail(f"{query} has no answer")


def test_a_queue_is_seen_and_its_end_as_well(server, queries, tmp_path):
    # Two minutes are right for a cluster; the shorter the window the sooner this ends.
    waiting = queries["detectron2_requests_waiting"].replace("[2m]", "[10s]")
    raw = 'sum by (pod) (ts_queue_latency_microseconds{namespace="pets"})'
    inference = server.inference.url
    first, second = (
        Gate(tmp_path / "first", inference, ""),
        Gate(tmp_path / "second", inference, ""),
    )
    with prometheus(
        server.properties["metrics_address"].removeprefix("http://"), tmp_path / "p"
    ) as url:
        # A counter is there from its first event on, and its first event is no increase.
        first.open()
        assert statuses([first.send("held")]) == [200]
        before = wait_for(url, f"{raw} > 0")
        wait_for(url, f"{waiting} == 0")

        callers = second.ask(server.management, "held", 4)
        time.sleep(3)  # they wait, and have to have waited
        second.open()
        assert statuses(callers) == [200] * 4
        # Three waited three seconds each, of the ten that are looked at.
        assert wait_for(url, f"{waiting} > 0.5") < 10
        after = wait_for(url, f"{raw} > {before}")
        wait_for(url, f"{waiting} == 0")
        assert wait_for(url, raw) >= after > before
