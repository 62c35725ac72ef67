"""KServe's two protocols, options, headers and self-description, on a real TorchServe."""

import base64
import http.client
import json
from urllib.parse import urlsplit

import pytest
import requests

from client.predictions import Predictions
from server.torchserve import TorchServe
from tests.images import noise_bgr, png
from tests.server.test_requests import post, worker

IMAGE = png(noise_bgr(96, 128))
BASE64 = base64.b64encode(IMAGE).decode()


def ask(served: TorchServe, path: str, document: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.inference.token}"}
    return requests.post(
        f"{served.inference.url}{path}", json=document, headers=headers, timeout=60
    )


@pytest.mark.parametrize("path", ["/v1/models/tiny:predict", "/predictions/tiny"])
def test_kserve_v1_lists(path, served):
    bad = base64.b64encode(b"hello").decode()
    response = ask(served, path, {"instances": [{"b64": BASE64}, {"image": {"b64": bad}}, BASE64]})
    assert response.status_code == 200
    first, second, third = response.json()["predictions"]
    assert first == third == post(served, "tiny", data=IMAGE).json()
    assert second["type"] == "UndecodableImage"


@pytest.mark.parametrize("path", ["/v2/models/tiny/infer", "/predictions/tiny"])
def test_kserve_v2_tensors(path, served):
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [BASE64]}
    response = ask(
        served, path, {"id": "abc", "inputs": [tensor], "parameters": {"max_detections": 2}}
    )
    assert response.status_code == 200
    document = response.json()
    assert (document["id"], document["model_name"]) == ("abc", "tiny")
    shapes = {output["name"]: output["shape"] for output in document["outputs"]}
    assert shapes["boxes"] == [2, 4]
    assert shapes["scores"] == [2]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"data": IMAGE, "headers": {"X-Max-Detections": "1"}}, id="header"),
        pytest.param({"data": IMAGE, "headers": {"x-max-DETECTIONS": "1"}}, id="in any case"),
        pytest.param({"files": {"data": IMAGE}, "data": {"max_detections": "1"}}, id="form field"),
        pytest.param({"json": {"image": BASE64, "max_detections": 1}}, id="json"),
    ],
)
def test_options_in_every_place(request_, served):
    assert len(Predictions.from_native(post(served, "tiny", **request_).json())) == 1


@pytest.mark.parametrize(
    ("headers", "content_type", "start"),
    [
        ({"Accept": "image/jpeg"}, "image/jpeg", b"\xff\xd8"),
        ({"Accept": "image/png"}, "image/png", b"\x89PNG"),
        ({"X-Format": "overlay"}, "image/jpeg", b"\xff\xd8"),
        ({"X-Format": "coco"}, "application/json", b"[{"),
    ],
)
def test_formats_by_header(headers, content_type, start, served):
    response = post(served, "tiny", data=IMAGE, headers=headers)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type
    assert response.content.startswith(start)


def test_an_unknown_option_lists_the_known_ones(served):
    response = post(served, "tiny", files={"data": IMAGE}, data={"treshold": "0.5"})
    assert response.status_code == 400
    assert "unknown option treshold, known are score_threshold" in response.json()["message"]


def test_every_answer_says_where_the_time_went(served):
    timing = post(served, "tiny", data=IMAGE).headers["Server-Timing"]
    assert [part.split(";")[0] for part in timing.split(", ")] == [
        "decode",
        "preprocess",
        "model",
        "read",
        "masks",
        "encode",
    ]


def test_the_model_describes_itself(served):
    headers = {"Authorization": f"Bearer {served.management.token}"}
    url = f"{served.management.url}/models/tiny?customized=true"
    (version,) = requests.get(url, headers=headers, timeout=60).json()
    description = version["customizedMetadata"]
    assert [one["name"] for one in description["classes"]] == ["red", "green", "blue"]
    assert description["verification"]["exact"]
    assert "native" in description["formats"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("X-Format", "n\xe4tive")], id="latin-1"),
        pytest.param([("X-Format", "")], id="empty"),
        pytest.param([("X-Format", "native"), ("x-format", "coco")], id="twice"),
        pytest.param([("X-Classes", "\xff" * 200)], id="long and odd"),
        pytest.param([("Accept", ";;;,,,")], id="accept nonsense"),
        pytest.param([("describe", "True"), ("explain", "x")], id="describe"),
        pytest.param([("content-type", "image/x; charset=\xff")], id="odd content type"),
    ],
)
def test_odd_headers_kill_no_worker(headers, served):
    before = worker(served, "tiny")["pid"]
    address = urlsplit(served.inference.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.putrequest("POST", "/predictions/tiny")
    connection.putheader("Authorization", f"Bearer {served.inference.token}")
    connection.putheader("Content-Length", str(len(IMAGE)))
    for name, value in headers:
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders(IMAGE)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    assert response.status in (200, 400), body
    assert worker(served, "tiny")["pid"] == before
    assert post(served, "tiny", data=IMAGE).status_code == 200
