"""A real TorchServe, asked over HTTP as clients ask."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor

from client.errors import RequestRefused
from client.predictions import Predictions
from examples.coins.photograph import load_photograph, photograph_path
from handler.detector import Detector
from handler.request import Row
from server.torchserve import TorchServe
from tests.conftest import SECRET
from tests.images import noise_bgr, png

IMAGE = png(noise_bgr(96, 128))
BIG = png(noise_bgr(200, 200))


def post(served: TorchServe, model: str, **request) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.inference.token}", **request.pop("headers", {})}
    url = f"{served.inference.url}/predictions/{model}"
    return requests.post(url, headers=headers, timeout=60, **request)


def worker(served: TorchServe, model: str) -> dict:
    url = f"{served.management.url}/models/{model}"
    headers = {"Authorization": f"Bearer {served.management.token}"}
    (version,) = requests.get(url, headers=headers, timeout=10).json()
    (only,) = version["workers"]
    return only


def batches(served: TorchServe, model: str, *, at_least: int = 0) -> float:
    """How many batches a model's workers have answered; metrics come a moment after answers."""
    url = f"{served.properties['metrics_address']}/metrics"
    deadline = time.monotonic() + 60
    while True:
        lines = requests.get(url, timeout=10).text.splitlines()
        counted = sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith("detectron2_batch_fill_ratio_count") and f'"{model}"' in line
        )
        if counted >= at_least or time.monotonic() > deadline:
            return counted
        time.sleep(0.1)


def test_the_served_photograph_equals_default_predictor_bit_for_bit(served, pytestconfig):
    example = pytestconfig.rootpath / "examples" / "coins"
    config = get_cfg()
    config.merge_from_file(str(example / "config.yaml"))
    config.MODEL.WEIGHTS = str(example / "model_best.pth")
    config.MODEL.DEVICE = "cpu"
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.7  # what the Makefile exports with
    expected = DefaultPredictor(config)(load_photograph())["instances"]

    found = served.inference.detector("coins").predict(photograph_path())

    assert len(found) == 24
    assert found.boxes_xyxy.tobytes() == expected.pred_boxes.tensor.numpy().tobytes()
    assert found.scores.tobytes() == expected.scores.numpy().tobytes()
    assert found.class_ids.tolist() == expected.pred_classes.tolist()
    np.testing.assert_array_equal(found.masks, expected.pred_masks.numpy())


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"data": IMAGE}, id="raw, no type"),
        pytest.param({"data": IMAGE, "headers": {"Content-Type": "image/png"}}, id="image/png"),
        pytest.param(
            {"data": IMAGE, "headers": {"Content-Type": "application/octet-stream"}},
            id="octet-stream",
        ),
        pytest.param({"files": {"data": IMAGE}}, id="multipart data"),
        pytest.param({"files": {"image": ("x.png", IMAGE, "image/png")}}, id="multipart image"),
        pytest.param({"files": {"file": IMAGE}}, id="multipart file"),
        pytest.param({"files": {"body": IMAGE}}, id="multipart body"),
        pytest.param({"json": {"image": base64.b64encode(IMAGE).decode()}}, id="json"),
    ],
)
def test_every_way_to_ask_gets_the_answer_of_the_detector(request_, served, detector: Detector):
    response = post(served, "tiny", **request_)
    (expected,) = detector.answer([Row({"body": bytearray(IMAGE)})])
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == expected.body
    assert len(Predictions.from_native(response.json())) >= 3


@pytest.mark.parametrize(
    ("model", "request_", "status", "type_"),
    [
        pytest.param("tiny", {"data": b""}, 400, "EmptyRequest", id="empty body"),
        pytest.param("tiny", {"data": b"hello"}, 400, "UndecodableImage", id="not an image"),
        pytest.param("tiny", {"data": IMAGE[:500]}, 400, "UndecodableImage", id="cut off"),
        pytest.param("batched", {"data": BIG}, 413, "ImageTooLarge", id="too many pixels"),
        pytest.param("tiny", {"json": {}}, 400, "EmptyRequest", id="empty json"),
        pytest.param("tiny", {"json": [1]}, 400, "InvalidRequest", id="json list"),
        pytest.param("tiny", {"files": {"x": IMAGE}}, 400, "InvalidRequest", id="unknown field"),
        pytest.param(
            "tiny",
            {"data": b"hello", "headers": {"Content-Type": "text/plain"}},
            400,
            "InvalidRequest",
            id="text",
        ),
        pytest.param(
            "tiny",
            {"data": b"{", "headers": {"Content-Type": "application/json"}},
            400,
            "InvalidRequest",
            id="json cut off",
        ),
    ],
)
def test_bad_input_gets_its_status_and_a_sentence(model, request_, status, type_, served):
    before = worker(served, model)["pid"]
    response = post(served, model, **request_)
    document = response.json()
    assert (response.status_code, document["code"], document["type"]) == (status, status, type_)
    assert document["message"].endswith(".")
    assert worker(served, model)["pid"] == before


@pytest.mark.parametrize(
    "headers",
    [
        # TorchServe's own handlers change their answer by these; a client may send what it likes.
        pytest.param({"describe": "True"}, id="describe"),
        pytest.param({"explain": "True"}, id="explain"),
        pytest.param({"body": "x", "data": "y"}, id="names of fields"),
    ],
)
def test_a_header_of_a_client_changes_nothing(headers, served):
    plain = post(served, "tiny", data=IMAGE)
    assert post(served, "tiny", data=IMAGE, headers=headers).content == plain.content


def test_in_one_batch_each_gets_its_own_answer(served, detector: Detector):
    before = batches(served, "batched")
    bodies = [IMAGE, b"hello", BIG, png(noise_bgr(128, 96))]
    with ThreadPoolExecutor(len(bodies)) as pool:
        responses = list(pool.map(lambda body: post(served, "batched", data=body), bodies))
    assert [response.status_code for response in responses] == [200, 400, 413, 200]
    assert batches(served, "batched", at_least=before + 1) == before + 1
    for body, response in zip(bodies, responses, strict=True):
        if response.ok:
            (alone,) = detector.answer([Row({"body": bytearray(body)})])
            found = Predictions.from_native(response.json())
            expected = Predictions.from_native(json.loads(alone.body))
            np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)


def test_an_image_after_all_that_is_answered_as_before(served):
    found = served.inference.detector("tiny", "1.0").predict(IMAGE)
    assert (found.model_name, found.model_version) == ("tiny", "1.0")


def test_an_unknown_model_is_named(served):
    with pytest.raises(RequestRefused, match="404 ModelNotFoundException"):
        served.inference.detector("nobody").predict(IMAGE)


def test_without_the_token_nothing_is_answered(served):
    response = requests.post(f"{served.inference.url}/predictions/tiny", data=IMAGE, timeout=60)
    assert response.status_code == 400
    assert response.json()["type"] == "InvalidKeyException"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/models?url=http://127.0.0.1:9/x.mar", id="register"),
        pytest.param("DELETE", "/models/tiny/1.0", id="unregister"),
        pytest.param("POST", "/workflows?url=http://127.0.0.1:9/x.war", id="workflow"),
    ],
)
def test_nobody_brings_code_in_through_the_management_port(method, path, served):
    headers = {"Authorization": f"Bearer {served.management.token}"}
    response = requests.request(
        method, f"{served.management.url}{path}", headers=headers, timeout=30
    )
    assert response.status_code in (403, 404, 405)


def test_workers_do_not_see_secrets_of_the_environment(served):
    environment = psutil.Process(worker(served, "tiny")["pid"]).environ()
    assert "PATH" in environment
    assert SECRET not in environment


def test_workers_run_the_handler_of_the_archive(served):
    log = (served.work_dir / "logs" / "model_log.log").read_text()
    lines = [line for line in log.splitlines() if "on cpu, handler" in line]
    names = served.management.models()
    versions = [one for name in names for one in served.management.versions(name)]
    for one in versions:
        assert any(f"Model {one.model} {one.version} on cpu" in line for line in lines)
    assert not any(str(Path(__file__).parents[2] / "handler") in line for line in lines)
