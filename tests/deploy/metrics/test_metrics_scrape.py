"""What a real TorchServe says at its metrics port after real requests."""

import os
import signal
import subprocess
import time

import grpc
import pytest

from server.properties import addresses
from tests.deploy.metrics.conftest import GOOD, ODD_NAMES, RULES, Prometheus, Site, program
from tests.server.grpc_stubs import build

LABELS = {  # as they arrive
    ODD_NAMES[0]: "a b c d e",
    ODD_NAMES[1]: ODD_NAMES[1],
    ODD_NAMES[2]: "x" * 97 + "...",
}


def values(prometheus: Prometheus, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """A metric's newest values by some of its labels; those that are 0 are left out."""
    found = prometheus.query(f"sum by ({', '.join(labels)}) ({name}) > 0")
    return {
        tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1])
        for one in found
    }


def test_counts_are_those_of_the_answers(asked: Site, prometheus):
    by_a_worker = {
        (model, str(status)): n
        for (model, status), n in asked.answers.items()
        if model in ("coins", "odd", "batched")
    }
    counted = values(prometheus, "detectron2_requests_total", "model_name", "status")
    assert counted == by_a_worker


def test_arrivals_are_requests_for_models_that_are_there(asked: Site, prometheus):
    assert asked.answers["idle", 503] == asked.answers["not-there", 404] == 3
    assert values(prometheus, "ts_inference_requests_total", "model_name") == {
        (model,): sum(n for (name, _), n in asked.answers.items() if name == model)
        for model in ("coins", "odd", "batched", "idle")
    }


def test_errors_count_once_each(asked: Site, prometheus):
    assert values(prometheus, "detectron2_errors_total", "model_name", "type") == {
        ("odd", "UndecodableImage"): 6,
        ("odd", "InvalidOption"): 3,
        ("batched", "ImageTooLarge"): 3,
    }


def test_detections_are_those_of_the_answers_whatever_the_classes_are_called(
    asked: Site, prometheus
):
    counted = values(prometheus, "detectron2_detections_total", "model_name", "class_name")
    assert counted == {
        (model, LABELS.get(name, name)): n for (model, name), n in asked.detections.items()
    }
    assert counted["coins", "coin"] == 3 * 24
    all_ = prometheus.query('detectron2_detections_total{model_name="odd"}')
    assert {one["metric"]["class_name"] for one in all_} == set(LABELS.values())


def test_stages_are_those_of_server_timing(asked: Site, prometheus):
    sums = values(prometheus, "detectron2_stage_seconds_sum", "model_name", "stage")
    stages = {key: ms for key, ms in asked.timings.items() if key in sums}
    # The header is rounded to hundredths of a millisecond, and an error before the image has none.
    for key, ms in stages.items():
        assert sums[key] == pytest.approx(ms / 1000, abs=1e-4 * 20), key
    assert set(sums) == set(asked.timings)


def test_histograms_count_requests_images_and_batches(asked: Site, prometheus):
    requests = {
        (model,): sum(n for (name, _), n in asked.answers.items() if name == model)
        for model in ("coins", "odd", "batched")
    }
    assert values(prometheus, "detectron2_request_seconds_count", "model_name") == requests
    seconds = values(prometheus, "detectron2_request_seconds_sum", "model_name")
    assert all(0 < seconds[model,] < asked.seconds[model] for (model,) in requests)
    images = {("coins",): 3, ("odd",): 3 * (1 + 2 + 1), ("batched",): 3}
    assert values(prometheus, "detectron2_image_megapixels_count", "model_name") == images
    megapixels = values(prometheus, "detectron2_image_megapixels_sum", "model_name")
    assert megapixels["odd",] == pytest.approx(3 * (3 * 96 * 128 + 1) / 1e6)
    # Sent one after the other, each was a batch of its own, a quarter of what fits.
    assert values(prometheus, "detectron2_batch_fill_ratio_count", "model_name") == requests
    fill = values(prometheus, "detectron2_batch_fill_ratio_sum", "model_name")
    assert fill == {("coins",): 3, ("odd",): requests["odd",], ("batched",): 6 / 4}


def test_promtool_accepts_what_the_server_says(asked: Site):
    checked = subprocess.run(
        [*program("promtool"), "check", "metrics"],
        input=asked.scrape(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error" not in checked.stderr
    ours = [line for line in checked.stderr.splitlines() if line.startswith("detectron2_")]
    # Hostname is TorchServe's own label, and nothing else is wrong.
    assert {line.partition(" ")[2] for line in ours} <= {
        "label names should be written in 'snake_case' not 'camelCase'"
    }


def test_several_workers_are_one_model(asked: Site, prometheus):
    assert values(prometheus, "detectron2_worker_starts_total", "model_name") == {
        ("coins",): 1,
        ("odd",): 2,
        ("batched",): 1,
    }


def test_a_worker_that_died_takes_no_counts_with_it(asked: Site, prometheus):
    before = values(prometheus, "detectron2_requests_total", "model_name")
    (pid,) = asked.worker_pids("batched")
    os.kill(pid, signal.SIGKILL)
    starts = 'detectron2_worker_starts_total{model_name="batched"} == 2'
    prometheus.wait_for(starts)
    asked.server.wait_until_ready("batched", timeout_s=120)
    asked.post("batched", data=GOOD)
    total = before["batched",] + 1
    prometheus.wait_for(f'sum(detectron2_requests_total{{model_name="batched"}}) == {total:.0f}')
    time.sleep(1)
    assert values(prometheus, "detectron2_requests_total", "model_name") == {
        **before,
        ("batched",): total,
    }
    prometheus.wait_for('detectron2:worker_restarts{model_name="batched"} == 1')


def test_workers_of_a_version_that_is_registered_again_were_not_started_again(
    asked: Site, prometheus
):
    asked.server.management.unregister("odd", "1.0")
    asked.register("odd.mar", "odd", workers=2)
    prometheus.wait_for('detectron2_worker_starts_total{model_name="odd"} == 4')
    prometheus.wait_for('count(WorkerLoadTime{WorkerName=~"W-.*-odd_1.0"}) == 4')
    restarts = prometheus.query(RULES["detectron2:worker_restarts"])
    assert {one["metric"]["model_name"]: one["value"][1] for one in restarts} == {
        "coins": "0",
        "odd": "0",
        "batched": "1",
    }


def test_grpc_requests_are_arrivals_and_answers_and_in_no_latency(
    asked: Site, prometheus, tmp_path
):
    def numbers() -> list[float]:
        names = ("ts_inference_requests_total", "detectron2_requests_total", *latencies)
        return [values(prometheus, name, "model_name")["coins",] for name in names]

    latencies = ("ts_inference_latency_microseconds", "ts_queue_latency_microseconds")
    arrivals, answers, *waited = numbers()
    messages, services = build(tmp_path)
    host, port = addresses(asked.server.properties)["grpc_inference_port"]
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        request = messages.PredictionsRequest(model_name="coins", input={"data": GOOD})
        token = (("authorization", f"Bearer {asked.server.inference.token}"),)
        services.InferenceAPIsServiceStub(channel).Predictions(request, metadata=token, timeout=60)
    prometheus.wait_for(f'sum(detectron2_requests_total{{model_name="coins"}}) == {answers + 1}')
    time.sleep(1)
    assert numbers() == [arrivals + 1, answers + 1, *waited]
