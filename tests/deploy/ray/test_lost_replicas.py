"""Replicas that are killed, and replicas that take too long."""

import copy
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from deploy.ray.serve_config import make_config
from examples.coins.photograph import photograph_path
from tests.images import noise_bgr, png
from torture.load import Load
from torture.variants import make_variant

APPLICATION = "coins@1.0"


def test_what_a_killed_replica_held_is_asked_again(served_by_ray):
    url = f"{served_by_ray.inference.url}/predictions/coins"
    images = [photograph_path().read_bytes()]
    with Load([url], served_by_ray.inference.token, images, threads=3) as load:
        load.wait_for(5)
        before = served_by_ray.cluster.pids(APPLICATION)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        load.wait_for(5)
    statuses = Counter(one.status for one in load.outcomes)
    assert statuses == {200: len(load.outcomes)}
    assert not served_by_ray.cluster.pids(APPLICATION) & before
    log = served_by_ray.cluster.logs("replica_gateway_*")
    assert "A replica of coins is lost (attempt 1)" in log


def stuck_by(word: bytes) -> Callable[[bytes], bytes]:
    """A handler that never comes back from a body of that word."""

    def edit(code: bytes) -> bytes:
        begin = b"        try:\n            return self._answer_all(rows)\n"
        assert begin in code
        lines = (
            b"import time",
            b"while any(row.fields.get('body') == %r for row in rows):" % word,
            b"    time.sleep(1)",
        )
        return code.replace(begin, b"".join(b"        %s\n" % one for one in lines) + begin)

    return edit


def test_a_replica_that_is_stuck_ends_and_what_waits_behind_is_asked_again(
    served_by_ray, ray_store, tmp_path
):
    edits = {"handler/detector.py": stuck_by(b"stuck")}
    make_variant(ray_store / "tiny.mar", tmp_path / "stuck.mar", "1.0", edits, model="stuck")
    config = copy.deepcopy(served_by_ray.config)
    made = make_config(str(tmp_path), defaults={}, **served_by_ray.settings)
    (added,) = (one for one in made["applications"] if one["name"] == "stuck@1.0")
    added["args"]["response_timeout_s"] = 5.0
    served = config["applications"][0]["deployments"][0]["user_config"]["models"]
    served["stuck"] = {"default": "1.0", "versions": {"1.0": "stuck@1.0"}}
    config["applications"].append(added)
    served_by_ray.cluster.deploy(config)
    try:
        served_by_ray.cluster.wait_until_running(len(config["applications"]))
        before = served_by_ray.cluster.pids("stuck@1.0")

        def post(body: bytes) -> requests.Response:
            url = f"{served_by_ray.inference.url}/predictions/stuck"
            headers = {"Authorization": f"Bearer {served_by_ray.inference.token}"}
            return requests.post(url, data=body, headers=headers, timeout=120)

        with ThreadPoolExecutor(2) as pool:
            stuck = pool.submit(post, b"stuck")
            time.sleep(1)  # the other one comes behind it
            behind = pool.submit(post, png(noise_bgr(96, 128)))
        response = stuck.result()
        assert response.status_code == 500
        assert response.json() == {
            "code": 500,
            "type": "InternalServerException",
            "message": "The model did not answer within 5 s.",
        }
        assert behind.result().status_code == 200
        assert not served_by_ray.cluster.pids("stuck@1.0") & before
    finally:
        served_by_ray.cluster.deploy(served_by_ray.config)
