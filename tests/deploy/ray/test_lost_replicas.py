"""Replicas that are killed, and replicas that take too long."""

import copy
import os
import signal
import time
from collections import Counter

import requests

from examples.coins.photograph import photograph_path
from tests.deploy.ray.running import RayServed
from torture.load import Load

APPLICATION = "coins@1.0"


def pids(served: RayServed, application: str) -> set[int]:
    return {one["pid"] for one in served.cluster.replicas(application)}


def wait_for_another(served: RayServed, application: str, before: set[int]) -> None:
    deadline = time.monotonic() + 120
    while not pids(served, application) - before:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_what_a_killed_replica_held_is_asked_again(served_by_ray):
    url = f"{served_by_ray.inference.url}/predictions/coins"
    images = [photograph_path().read_bytes()]
    with Load([url], served_by_ray.inference.token, images, threads=3) as load:
        load.wait_for(5)
        before = pids(served_by_ray, APPLICATION)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        load.wait_for(5)
    statuses = Counter(one.status for one in load.outcomes)
    assert statuses == {200: len(load.outcomes)}
    assert not pids(served_by_ray, APPLICATION) & before
    log = served_by_ray.cluster.logs("replica_gateway_*")
    assert "A replica of coins is lost (attempt 1)" in log


def test_a_replica_beyond_its_time_is_replaced(served_by_ray):
    config = copy.deepcopy(served_by_ray.config)
    gateway, *models = config["applications"]
    (slow,) = (copy.deepcopy(one) for one in models if one["name"] == APPLICATION)
    slow["name"] = "slow@1.0"
    slow["args"] |= {"name": "slow", "response_timeout_s": 0.001}
    (deployment,) = slow["deployments"]
    deployment["health_check_period_s"] = 1
    served = gateway["deployments"][0]["user_config"]["models"]
    served["slow"] = {"default": "1.0", "versions": {"1.0": "slow@1.0"}}
    config["applications"].append(slow)
    served_by_ray.cluster.deploy(config)
    try:
        served_by_ray.cluster.wait_until_running(len(config["applications"]))
        before = pids(served_by_ray, "slow@1.0")
        response = requests.post(
            f"{served_by_ray.inference.url}/predictions/slow",
            data=photograph_path().read_bytes(),
            headers={"Authorization": f"Bearer {served_by_ray.inference.token}"},
            timeout=60,
        )
        assert response.status_code == 500
        assert response.json() == {
            "code": 500,
            "type": "InternalServerException",
            "message": "The model did not answer within 0.001 s.",
        }
        wait_for_another(served_by_ray, "slow@1.0", before)
    finally:
        served_by_ray.cluster.deploy(served_by_ray.config)
