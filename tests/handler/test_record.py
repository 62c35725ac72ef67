"""What a request leaves in its record, whatever becomes of it."""

import base64
import json
from collections import Counter
from dataclasses import replace

import pytest

from handler.answers import Answer
from handler.detector import Detector
from handler.image_pipeline import ImagePipeline
from handler.request import Row
from handler.settings import Settings
from tests.images import noise_bgr, png

IMAGE = png(noise_bgr(96, 128))
GOOD_64 = base64.b64encode(IMAGE).decode()
BAD_64 = base64.b64encode(b"hello").decode()


def row(image_bytes: bytes, **headers: object) -> Row:
    return Row({"body": bytearray(image_bytes)}, headers)


def list_of(*images: object, **options: object) -> Row:
    return Row({"body": {"instances": list(images), **options}})


GOOD = row(IMAGE)


@pytest.mark.parametrize(
    ("sent", "status", "errors", "images"),
    [
        pytest.param(GOOD, 200, [], 1, id="good"),
        pytest.param(row(png(noise_bgr(1, 1))), 200, [], 1, id="one pixel"),
        pytest.param(row(b"hello"), 400, ["UndecodableImage"], 0, id="undecodable"),
        pytest.param(row(b""), 400, ["EmptyRequest"], 0, id="empty"),
        pytest.param(row(IMAGE, **{"X-Format": "xml"}), 400, ["InvalidOption"], 0, id="option"),
        pytest.param(row(png(noise_bgr(50_000, 1))), 400, ["UnsupportedImage"], 0, id="too thin"),
        pytest.param(
            list_of(GOOD_64, BAD_64, GOOD_64, BAD_64),
            200,
            ["UndecodableImage"] * 2,
            2,
            id="list with bad images",
        ),
        pytest.param(
            list_of(BAD_64, BAD_64), 400, ["UndecodableImage"] * 2, 0, id="list of bad images"
        ),
        pytest.param(
            list_of(GOOD_64, format="overlay"), 400, ["InvalidRequest"], 1, id="list as a picture"
        ),
        pytest.param(list_of(GOOD_64, "####"), 400, ["InvalidRequest"], 0, id="no base64 in list"),
    ],
)
def test_each_failure_counts_once(sent, status, errors, images, detector: Detector):
    (answer,) = detector.answer([sent])
    assert answer.status == status
    assert answer.record.errors == errors
    assert len(answer.record.megapixels) == images


def test_counts_what_was_answered(detector: Detector):
    (answer,) = detector.answer([GOOD])
    answered = json.loads(answer.body)["predictions"]
    assert Counter(answer.record.class_names) == Counter(one["class_name"] for one in answered)
    assert answered
    assert answer.record.megapixels == [96 * 128 / 1e6]
    stages = [part.partition(";")[0] for part in answer.headers["Server-Timing"].split(", ")]
    assert list(answer.record.timings) == stages


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"X-Score_threshold": "1"}, id="nothing over the threshold"),
        pytest.param({"X-Max_detections": "0"}, id="nothing wanted"),
    ],
)
def test_what_is_not_answered_is_no_detection(options, detector: Detector):
    (answer,) = detector.answer([row(IMAGE, **options)])
    assert answer.status == 200
    assert answer.record.class_names == []


def test_an_answer_that_is_too_large_is_no_answer(opened):
    strict = Detector.load(
        opened, device="cpu", name="tiny", version="1.0", settings=Settings(max_response_bytes=50)
    )
    (answer,) = strict.answer([GOOD])
    assert answer.status == 413
    assert answer.record.errors == ["ResponseTooLarge"]
    assert answer.record.class_names == []
    assert answer.record.timings


def test_objects_of_a_list_without_an_answer_are_none(detector: Detector):
    (answer,) = detector.answer([list_of(GOOD_64, format="overlay")])
    assert answer.record.class_names == []


def test_requests_of_a_batch_keep_their_records_apart(detector: Detector):
    answers = detector.answer([GOOD, row(b"hello"), list_of(GOOD_64, BAD_64), GOOD])
    assert [one.record.errors for one in answers] == [
        [],
        ["UndecodableImage"],
        ["UndecodableImage"],
        [],
    ]
    names = [one.record.class_names for one in answers]
    assert names[0] == names[2] == names[3] != names[1] == []


def test_a_whole_batch_that_failed_is_an_error_of_each_request(detector, monkeypatch):
    def fail(*_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(ImagePipeline, "__call__", fail)
    answers = detector.answer([GOOD, row(b"hello")])
    assert [one.record.errors for one in answers] == [["InternalError"]] * 2


def test_a_class_that_nobody_has_named_is_called_by_its_number(opened):
    own = Detector.load(opened, device="cpu", name="tiny", version="1.0")
    metadata = own._model.metadata
    own._model = replace(own._model, metadata=replace(metadata, classes=metadata.classes[:1]))
    own._pipeline._model = own._model
    (answer,) = own.answer([GOOD])
    assert answer.status == 200
    assert "class_1" in answer.record.class_names


def test_a_description_leaves_no_trace(detector: Detector):
    (answer,) = detector.answer([Row({"body": b""}, {"describe": "True"})])
    assert answer.record == Answer(b"").record


def test_the_classes_are_those_of_the_archive(detector: Detector):
    assert detector.class_names == ("red", "green", "blue")
