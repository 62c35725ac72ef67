"""Batches on Ray: they fill, each request gets its own answer, and what happened is counted."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import requests

from client.predictions import Predictions
from handler.detector import Detector
from handler.request import Row
from tests.deploy.ray.running import RayServed
from tests.images import noise_bgr, png

IMAGE = png(noise_bgr(96, 128))
BIG = png(noise_bgr(200, 200))
BODIES = [IMAGE, b"hello", BIG, png(noise_bgr(128, 96))]


def counted(served: RayServed, name: str, **labels: str) -> float:
    """A counter of the model `batched`, summed over all processes."""
    wanted = [f'{key}="{value}"' for key, value in {"model_name": "batched", **labels}.items()]
    lines = served.cluster.metrics().splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith(f"ray_detectron2_{name}{{") and all(one in line for one in wanted)
    )


def wait_until_counted(served: RayServed, at_least: float, name: str, **labels: str) -> None:
    deadline = time.monotonic() + 60
    while counted(served, name, **labels) < at_least:
        assert time.monotonic() < deadline, (name, labels)
        time.sleep(0.5)


def post(served: RayServed, body: bytes) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.inference.token}"}
    url = f"{served.inference.url}/predictions/batched"
    return requests.post(url, data=body, headers=headers, timeout=60)


def test_in_one_batch_each_gets_its_own_answer(served_by_ray, detector: Detector):
    before = counted(served_by_ray, "batch_fill_ratio_count")
    with ThreadPoolExecutor(len(BODIES)) as pool:
        responses = list(pool.map(lambda body: post(served_by_ray, body), BODIES))
    assert [response.status_code for response in responses] == [200, 400, 413, 200]
    wait_until_counted(served_by_ray, before + 1, "batch_fill_ratio_count")
    assert counted(served_by_ray, "batch_fill_ratio_count") == before + 1
    for body, response in zip(BODIES, responses, strict=True):
        if response.ok:
            (alone,) = detector.answer([Row({"body": body})])
            found = Predictions.from_native(response.json())
            assert found.model_name == "batched"
            expected = Predictions.from_native(json.loads(alone.body))
            np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)


def test_what_happened_is_counted(served_by_ray):
    post(served_by_ray, b"hello")
    wait_until_counted(served_by_ray, 1, "worker_starts_total")
    wait_until_counted(served_by_ray, 1, "requests_total", status="400")
    wait_until_counted(served_by_ray, 1, "errors_total", type="UndecodableImage")
    post(served_by_ray, IMAGE)
    wait_until_counted(served_by_ray, 1, "stage_seconds_count", stage="model")
    wait_until_counted(served_by_ray, 1, "image_megapixels_count")
    wait_until_counted(served_by_ray, 1, "detections_total")


def test_replicas_run_the_handler_of_the_archive(served_by_ray, pytestconfig):
    log = served_by_ray.cluster.logs("replica_batched@*")
    assert "Loading batched 1.0 on cpu" in log
    assert str(pytestconfig.rootpath / "handler") not in log
