"""A node of three goes, under load, with all of its processes at once."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.ray.serve_config import Listening, Shape, make_config
from examples.coins.photograph import photograph_path
from tests.deploy.ray.running import RayCluster
from torture.load import OK, Load

THREADS = 6
APPLICATION = "coins@1.0"


@pytest.fixture
def cluster(coins: Path, tmp_path: Path) -> Iterator[RayCluster]:
    """A gateway and a replica on each of three nodes."""
    store = tmp_path / "store"
    store.mkdir()
    (store / coins.name).symlink_to(coins)
    with RayCluster(nodes=3, cpus=1, log=tmp_path / "ray.log") as running:
        config = make_config(
            str(store),
            defaults={},
            shape=Shape(replicas=(3, 3), gateways=3),
            listening=Listening(port=running.port),
        )
        for application in config["applications"]:
            application["deployments"][0]["max_replicas_per_node"] = 1
        running.deploy(config)
        running.wait_until_running(2)
        yield running


def test_a_lost_node_costs_only_what_it_held(cluster, record):
    url = f"{cluster.url}/predictions/coins"
    images = [photograph_path().read_bytes()]
    nodes = {one["node_id"] for one in cluster.replicas(APPLICATION)}
    assert len(nodes) == 3
    with Load([url], None, images, threads=THREADS) as load:
        load.wait_for(20)
        killed = time.monotonic()
        cluster.kill_node()
        load.wait_for(100)
    failed = [one for one in load.outcomes if one.status != OK]
    answered = [one for one in load.outcomes if one.status == OK]
    # What a proxy of that node held has no answer; what a replica held is asked again elsewhere.
    later = [one for one in failed if one.start > killed + 1]
    assert not later, [(one.start - killed, one.status, one.document) for one in later]
    assert len(failed) <= THREADS
    assert all(one.status == 0 for one in failed), [one.document for one in failed]
    first = answered[0].document
    assert all(one.document == first for one in answered)
    retried = cluster.logs("replica_gateway_*").count("A replica of coins is lost")
    assert failed or retried, "the node held nothing when it went: this run shows nothing"

    cluster.add_node()
    deadline = time.monotonic() + 120
    while len(nodes_now := {one["node_id"] for one in cluster.replicas(APPLICATION)}) < 3:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert nodes_now != nodes
    waits = sorted(one.seconds for one in answered if one.start <= killed + 1 and one.end > killed)
    record(
        "node-loss",
        {
            "nodes": 3,
            "clients": THREADS,
            "requests": len(load.outcomes),
            "answered": len(answered),
            "without_answer": len(failed),
            "asked_again_by_a_gateway": retried,
            "longest_wait_of_those_under_way_s": round(max(waits, default=0.0), 2),
            "statuses": dict(Counter(str(one.status) for one in load.outcomes)),
        },
    )
