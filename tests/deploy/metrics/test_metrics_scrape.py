"""What a real TorchServe says at its metrics port after real requests."""

import os
import signal
import subprocess
import time

import pytest

from tests.deploy.metrics.conftest import GOOD, ODD_NAMES, Prometheus, Site, program

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
    counted = values(prometheus, "detectron2_requests_total", "model_name", "status")
    assert counted == {(model, str(status)): n for (model, status), n in asked.answers.items()}
    assert values(prometheus, "ts_inference_requests_total", "model_name") == {
        (model,): sum(n for (name, _), n in asked.answers.items() if name == model)
        for model in ("coins", "odd", "batched")
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
