"""Replicas come under load, from one to three, and nothing is lost meanwhile."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deploy.ray.serve_config import Listening, Shape, make_config
from examples.coins.photograph import photograph_path
from tests.deploy.ray.running import RayCluster
from torture.load import Load

CLIENTS = 8
MEASURED_S = 20.0
APPLICATION = "coins@1.0"


def config_of(cluster: RayCluster, store: Path, most: int) -> dict[str, Any]:
    config = make_config(
        str(store),
        defaults={},
        shape=Shape(replicas=(1, most), gateways=3),
        listening=Listening(port=cluster.port),
    )
    (deployment,) = config["applications"][1]["deployments"]
    deployment["autoscaling_config"] |= {"upscale_delay_s": 2}
    return config


def answers_a_second(load: Load) -> float:
    seen = len(load.outcomes)
    start = time.monotonic()
    time.sleep(MEASURED_S)
    return (len(load.outcomes) - seen) / (time.monotonic() - start)


@pytest.mark.timeout(600)
def test_from_one_replica_to_three(coins, tmp_path, record):
    store = tmp_path / "store"
    store.mkdir()
    (store / coins.name).symlink_to(coins)
    images = [photograph_path().read_bytes()]
    with RayCluster(nodes=3, cpus=1, log=tmp_path / "ray.log") as cluster:
        cluster.deploy(config_of(cluster, store, most=1))
        cluster.wait_until_running(2)
        url = f"{cluster.url}/predictions/coins"
        with Load([url], None, images, threads=CLIENTS) as load:
            load.wait_for(20)
            with_one = answers_a_second(load)
            assert len(cluster.replicas(APPLICATION)) == 1
            start = time.monotonic()
            cluster.deploy(config_of(cluster, store, most=3))
            while len(cluster.replicas(APPLICATION)) < 3:
                assert time.monotonic() - start < 180
                time.sleep(0.5)
            took_s = time.monotonic() - start
            load.wait_for(20)
            with_three = answers_a_second(load)
    assert Counter(one.status for one in load.outcomes) == {200: len(load.outcomes)}
    assert all(one.document == load.outcomes[0].document for one in load.outcomes)
    record(
        "scaling",
        {
            "nodes": 3,
            "clients": CLIENTS,
            "requests": len(load.outcomes),
            "lost": 0,
            "until_three_replicas_s": round(took_s, 1),
            "throughput_of_three_by_one": round(with_three / with_one, 2),
        },
    )
