"""The Python API, on a real server and on one that misbehaves."""

import json
import threading
import time

import numpy as np
import pytest

from client.detector import Detector, stage_seconds
from client.errors import ClientError, RequestRefused, ServerUnreachable
from client.patience import Patience
from client.question import Options
from tests.client.conftest import NATIVE
from tests.client.proxy import Reply, digest
from tests.images import noise_bgr, png
from tests.models import CLASSES

IMAGE_BGR = noise_bgr(96, 128)
IMAGE = png(IMAGE_BGR)
ONCE = Patience(0)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(IMAGE)
    return path


def same(one, other) -> bool:
    return np.array_equal(one.boxes_xyxy, other.boxes_xyxy) and one.mask_rles == other.mask_rles


def test_an_image_however_it_is_given(tiny, file):
    found = tiny.predict(file)
    assert (found.model_name, found.model_version) == ("tiny", "1.0")
    assert found.size_hw == (96, 128)
    assert len(found) > 2
    assert set(found.class_names) <= set(CLASSES)
    assert found.masks.shape == (len(found), 96, 128)
    assert {"decode", "model", "masks"} <= found.seconds.keys()
    assert all(0 < seconds < 60 for seconds in found.seconds.values())
    for image in (str(file), IMAGE, IMAGE_BGR):
        assert same(tiny.predict(image), found)


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        pytest.param({"max_detections": 0}, lambda all_, one: len(one) == 0, id="none"),
        pytest.param({"max_detections": 1}, lambda all_, one: len(one) == 1, id="the best"),
        pytest.param(
            {"score_threshold": 0.5}, lambda all_, one: same(one, all_.above(0.5)), id="sure ones"
        ),
        pytest.param(
            {"classes": ["green", 2]},
            lambda all_, one: set(one.class_names) == {"green", "blue"} & set(all_.class_names),
            id="classes",
        ),
        pytest.param(
            {"classes": "green", "score_threshold": np.float32(0.1), "max_detections": np.int64(5)},
            lambda all_, one: len(one) <= 5 and set(one.class_names) <= {"green"},
            id="one class, NumPy's numbers",
        ),
        pytest.param({"tile": 64, "overlap": 0.5}, lambda all_, one: len(one) > 0, id="tiles"),
    ],
)
def test_options(tiny, options, holds):
    assert holds(tiny.predict(IMAGE), tiny.predict(IMAGE, **options))


def test_an_image_of_one_pixel(tiny):
    found = tiny.predict(noise_bgr(1, 1), max_detections=0)
    assert found.size_hw == (1, 1)
    assert found.boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("image", "options", "type_", "status"),
    [
        pytest.param(b"hello", {}, "UndecodableImage", 400, id="no image"),
        pytest.param(b"", {}, "EmptyRequest", 400, id="no bytes"),
        pytest.param(IMAGE, {"classes": ["dog"]}, "InvalidOption", 400, id="unknown class"),
        pytest.param(IMAGE, {"score_threshold": 7}, "InvalidOption", 400, id="no score"),
        pytest.param(IMAGE, {"proposals": [[0, 0, 9, 9]]}, "InvalidOption", 400, id="proposals"),
    ],
)
def test_what_the_server_refuses(tiny, proxy, image, options, type_, status):
    with pytest.raises(RequestRefused) as caught:
        tiny.predict(image, **options)
    assert (caught.value.type, caught.value.status) == (type_, status)
    assert len(proxy.asked) == 1


def test_a_file_that_cannot_be_read_is_not_sent(tiny, proxy, tmp_path):
    with pytest.raises(ClientError, match=r"gone\.jpg cannot be read"):
        tiny.predict(tmp_path / "gone.jpg")
    assert proxy.asked == []


URLS = [
    # url, model, version, path that is asked
    pytest.param("", "tiny", None, "/predictions/tiny", id="by name"),
    pytest.param("/", "tiny", "1.0", "/predictions/tiny/1.0", id="a version"),
    pytest.param("/predictions/tiny", None, None, "/predictions/tiny", id="in the address"),
    pytest.param("/predictions/tiny/1.0/", None, None, "/predictions/tiny/1.0", id="all in it"),
    pytest.param("/predictions/tiny/1.0", "tiny", "1.0", "/predictions/tiny/1.0", id="both agree"),
    pytest.param("/proxied", "a b", None, "/proxied/predictions/a%20b", id="below a path"),
    pytest.param("/predictions/a%20b", None, None, "/predictions/a%20b", id="quoted"),
]


@pytest.mark.parametrize(("url", "model", "version", "path"), URLS)
def test_whom_it_asks(stand_in, url, model, version, path):
    with Detector(stand_in.url + url, model, version=version) as detector:
        detector.predict(IMAGE)
    assert [asked.path for asked in stand_in.asked] == [path]


@pytest.mark.parametrize(
    ("model", "version", "sentence"),
    [
        pytest.param("cats", None, "names the model dogs, and model is cats", id="models"),
        pytest.param(None, "2.0", "names the version 1.0, and version is 2.0", id="versions"),
    ],
)
def test_an_address_that_says_something_else(model, version, sentence):
    with pytest.raises(ClientError, match=sentence):
        Detector("http://127.0.0.1:1/predictions/dogs/1.0", model, version=version)


def test_the_only_model_is_found_where_it_is_the_only_one(monkeypatch, served):
    monkeypatch.setattr("client.detector._MANAGEMENT_PORT", served.management.url.split(":")[-1])
    monkeypatch.setenv("TORCHSERVE_MANAGEMENT_KEY", served.management.token)
    with (
        pytest.raises(ClientError, match=r"serves 3 models \(batched, coins, tiny\), so name"),
        Detector(served.inference.url) as detector,
    ):
        _ = detector.model
    monkeypatch.setattr("client.management.ManagementClient.models", lambda self: ["tiny"])
    with Detector(served.inference.url, token=served.inference.token) as detector:
        assert detector.predict(IMAGE).model_name == "tiny"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("http://[::1]:8080", r"^http://\[::1\]:\d+ does not say", id="IPv6"),
        pytest.param("http://user@localhost:8080", "^http://localhost:", id="a user"),
        pytest.param("http://[::1", r"^http://\[::1 is not an address", id="no address"),
    ],
)
def test_where_the_only_model_is_asked_for(monkeypatch, unused_port, url, sentence):
    monkeypatch.setattr("client.detector._MANAGEMENT_PORT", unused_port)
    with pytest.raises(ClientError, match=sentence):
        _ = Detector(url).model


def test_a_management_port_that_does_not_answer(monkeypatch, unused_port):
    monkeypatch.setattr("client.detector._MANAGEMENT_PORT", unused_port)
    with pytest.raises(ClientError, match=r"does not say which model is served, so name the model"):
        _ = Detector("http://127.0.0.1:1").model


def test_the_key_of_the_environment(stand_in, monkeypatch):
    monkeypatch.setenv("TORCHSERVE_INFERENCE_KEY", "secret\n")
    Detector(stand_in.url, "m").predict(IMAGE)
    Detector(stand_in.url, "m", token="other").predict(IMAGE)
    Detector(stand_in.url, "m", token="").predict(IMAGE)
    keys = [asked.headers.get("Authorization") for asked in stand_in.asked]
    assert keys == ["Bearer secret", "Bearer other", None]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"ready": true}'], ids=["a list", "an object", "something else"]
)
def test_an_answer_of_something_else(stand_in, body):
    stand_in.instead = lambda asked: Reply(200, body)
    with pytest.raises(ClientError, match="not as a Detectron2 model of this project"):
        Detector(stand_in.url, "m").predict(IMAGE)


def test_a_server_that_restarts_is_waited_for(stand_in):
    replies = [Reply(503), Reply(0), Reply(502), Reply(200, json.dumps(NATIVE).encode())]
    stand_in.instead = lambda asked: replies.pop(0)
    patience = Patience(total_s=30, first_pause_s=0.001)
    assert len(Detector(stand_in.url, "m", patience=patience).predict(IMAGE)) == 0
    assert {asked.digest for asked in stand_in.asked} == {digest(IMAGE)}


def test_no_answer_in_time(stand_in):
    stand_in.instead = lambda asked: time.sleep(1)
    with (
        Detector(stand_in.url, "m", timeout_s=0.05, patience=ONCE) as detector,
        pytest.raises(ServerUnreachable, match="timed out"),
    ):
        detector.predict(IMAGE)


def test_connections_are_kept(tiny, proxy):
    for _ in range(3):
        tiny.predict(IMAGE)
    for _ in range(3):
        assert len(list(tiny.predict_many([IMAGE] * 6, workers=2))) == 6
    assert proxy.connections <= 2
    assert len(tiny._idle) <= 2


def test_many_images_come_back_in_their_order(tiny, proxy, file, tmp_path):
    images = [file, b"hello", IMAGE_BGR, tmp_path / "gone.jpg", IMAGE]
    outcomes = list(tiny.predict_many(images, Options(max_detections=2), workers=3))
    assert [outcome.image for outcome in outcomes] == images
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, False, True]
    assert [type(outcome.error) for outcome in outcomes][1::2] == [RequestRefused, ClientError]
    assert all(len(one.predictions) == 2 for one in outcomes[::2])
    assert len(proxy.asked) == 4


def test_no_images(tiny):
    assert list(tiny.predict_many([])) == []


def test_leaving_early_repeats_nothing(stand_in):
    asked = threading.Semaphore(0)

    def busy(_):
        asked.release()
        return Reply(503)

    stand_in.instead = busy
    detector = Detector(stand_in.url, "m", patience=Patience(3600, 3000, 3000))
    outcomes = detector.predict_many([IMAGE] * 100, workers=2)
    stopper = threading.Thread(target=lambda: (asked.acquire(), asked.acquire(), detector.close()))
    stopper.start()
    outcome = next(outcomes)  # its request would be repeated in fifty minutes
    outcomes.close()
    stopper.join()
    assert outcome.error.status == 503
    assert len(stand_in.asked) <= 6  # two that waited twice, two that had begun


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("decode;dur=1.5, model;dur=96", {"decode": 0.0015, "model": 0.096}, id="some"),
        pytest.param('cdn-cache;desc="HIT", model;dur=2', {"model": 0.002}, id="others' as well"),
    ],
)
def test_stages(header, seconds):
    assert stage_seconds({"Server-Timing": header}) == pytest.approx(seconds)
    assert stage_seconds({}) == {}
