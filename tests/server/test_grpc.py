"""The same handler over gRPC, where only the body of an answer arrives."""

import json
from collections.abc import Callable, Iterator

import grpc
import pytest

from client.predictions import Predictions
from handler.detector import Detector
from handler.request import Row
from server.properties import addresses
from tests.images import noise_bgr, png
from tests.server.grpc_stubs import build

IMAGE = png(noise_bgr(96, 128))

Predict = Callable[..., dict]


@pytest.fixture(scope="module")
def predict(served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predict]:
    """Sends an `input` map; the parsed body."""
    messages, services = build(tmp_path_factory.mktemp("stubs"))
    host, port = addresses(served.properties)["grpc_inference_port"]
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        stub = services.InferenceAPIsServiceStub(channel)

        def send(**fields: bytes) -> dict:
            request = messages.PredictionsRequest(model_name="tiny", input=fields)
            token = (("authorization", f"Bearer {served.inference.token}"),)
            return json.loads(stub.Predictions(request, metadata=token, timeout=60).prediction)

        yield send


@pytest.mark.parametrize("field", ["data", "image", "file", "body"])
def test_every_image_field_gets_the_answer_of_the_detector(field, predict, detector: Detector):
    (expected,) = detector.answer([Row({"body": IMAGE})])
    assert predict(**{field: IMAGE}) == json.loads(expected.body)


def test_options_come_as_entries(predict):
    assert len(Predictions.from_native(predict(data=IMAGE, max_detections=b"2"))) == 2
    assert predict(data=IMAGE, Max_Detections=b"0")["predictions"] == []


@pytest.mark.parametrize(
    ("fields", "status", "type_"),
    [
        pytest.param({"data": b"hello"}, 400, "UndecodableImage", id="not an image"),
        pytest.param({"data": b""}, 400, "EmptyRequest", id="empty"),
        pytest.param({}, 400, "EmptyRequest", id="nothing"),
        pytest.param({"data": IMAGE, "format": b"xml"}, 400, "InvalidOption", id="an option"),
        pytest.param({"data": IMAGE, "body": IMAGE}, 400, "InvalidRequest", id="two images"),
    ],
)
def test_errors_stand_in_the_body(fields, status, type_, predict):
    document = predict(**fields)
    assert (document["code"], document["type"]) == (status, type_)
