import base64
import json

import numpy as np
import pytest
import torch
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor

from client.detections import Detections
from handler.detector import Answer, Detector
from handler.settings import Settings
from tests.images import noise_bgr, png
from tests.models import CLASSES, Training

GOOD = {"body": bytearray(png(noise_bgr(96, 128)))}
BAD = {
    "empty": ({"body": bytearray()}, 400, "EmptyRequest"),
    "not an image": ({"body": bytearray(b"hello")}, 400, "UndecodableImage"),
    "cut off": ({"body": GOOD["body"][:300]}, 400, "UndecodableImage"),
    "unknown field": ({"picture": GOOD["body"]}, 400, "InvalidRequest"),
    "too thin": ({"body": bytearray(png(noise_bgr(50_000, 1)))}, 400, "UnsupportedImage"),
}


def detections(answer: Answer) -> Detections:
    assert answer.status == 200, answer.body
    return Detections.from_native(json.loads(answer.body))


@pytest.fixture(scope="module")
def predictor(training: Training) -> DefaultPredictor:
    config = get_cfg()
    config.merge_from_file(str(training.config_file))
    config.MODEL.DEVICE = "cpu"
    config.MODEL.WEIGHTS = str(training.weights)
    return DefaultPredictor(config)


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(96, 128, id="not resized"),
        pytest.param(300, 200, id="shrinks"),
        pytest.param(31, 47, id="grows"),
        pytest.param(1, 1, id="one pixel"),
    ],
)
def test_alone_equals_default_predictor_bit_for_bit(height, width, detector, predictor):
    image_bgr = noise_bgr(height, width)
    (answer,) = detector.answer([{"body": bytearray(png(image_bgr))}])
    expected = predictor(image_bgr)["instances"]
    found = detections(answer)
    assert found.boxes_xyxy.tobytes() == expected.pred_boxes.tensor.numpy().tobytes()
    assert found.scores.tobytes() == expected.scores.numpy().tobytes()
    assert found.class_ids.tolist() == expected.pred_classes.tolist()
    assert found.class_names == tuple(CLASSES[i] for i in found.class_ids)
    assert found.size_hw == (height, width)
    if len(found):
        np.testing.assert_array_equal(found.masks, expected.pred_masks.numpy())


def test_the_tiny_model_finds_something(detector):
    # Were nothing found, the comparison above would compare nothing.
    assert len(detections(detector.answer([GOOD])[0])) >= 3


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "middle", "last"])
def test_a_bad_item_gets_its_own_error_and_hurts_nobody(case, position, detector):
    row, status, type_ = BAD[case]
    rows = [GOOD, GOOD]
    rows.insert(position, row)
    answers = detector.answer(rows)
    document = json.loads(answers[position].body)
    assert (answers[position].status, document["code"]) == (status, status)
    assert document["type"] == type_
    assert document["message"].endswith(".")
    others = [answer for index, answer in enumerate(answers) if index != position]
    assert [len(detections(answer)) for answer in others] == [
        len(detections(detector.answer([GOOD])[0]))
    ] * 2


def test_an_empty_batch_has_no_answers(detector):
    assert detector.answer([]) == []


def test_an_image_beyond_the_limit_gets_413(opened):
    settings = Settings(max_image_pixels=100)
    strict = Detector.load(opened, device="cpu", name="tiny", version="1", settings=settings)
    (answer,) = strict.answer([GOOD])
    assert answer.status == 413
    assert json.loads(answer.body)["message"] == (
        "The image has 128 x 96 = 12288 pixels, at most 100 are accepted."
    )


def test_json_gives_the_same_answer_as_raw_bytes(detector):
    encoded = base64.b64encode(GOOD["body"]).decode()
    raw, as_json = detector.answer([GOOD, {"body": {"image": encoded}}])
    assert raw == as_json


def test_only_equal_padded_sizes_share_a_forward_pass(detector, monkeypatch):
    shapes = []
    forward = detector._model.predict
    monkeypatch.setattr(
        detector._model.__class__,
        "predict",
        lambda self, inputs: (
            shapes.append([tuple(i.image.shape) for i in inputs]) or forward(inputs)
        ),
    )
    images = [noise_bgr(96, 128), noise_bgr(128, 96), noise_bgr(96, 126), noise_bgr(96, 128, 1)]
    answers = detector.answer([{"body": bytearray(png(image))} for image in images])
    assert shapes == [[(3, 96, 128), (3, 96, 126), (3, 96, 128)], [(3, 128, 96)]]
    assert [detections(answer).size_hw for answer in answers] == [i.shape[:2] for i in images]


def test_stacking_changes_no_more_than_rounding(detector):
    rows = [{"body": bytearray(png(noise_bgr(96, 128, seed)))} for seed in range(3)]
    for stacked, alone in zip(
        detector.answer(rows), (detector.answer([row])[0] for row in rows), strict=True
    ):
        found, expected = detections(stacked), detections(alone)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


@pytest.mark.parametrize("limit", [1, 2], ids=["each fails alone", "only three are too many"])
def test_a_failing_forward_pass_is_tried_image_by_image(limit, detector, monkeypatch, caplog):
    forward = detector._model.predict

    def fails(model, inputs):
        if len(inputs) >= limit + (limit > 1):
            raise torch.OutOfMemoryError("CUDA out of memory, says the test")
        return forward(inputs)

    monkeypatch.setattr(detector._model.__class__, "predict", fails)
    answers = detector.answer([GOOD, BAD["empty"][0], GOOD, GOOD])
    expected = 500 if limit == 1 else 200
    assert [answer.status for answer in answers] == [expected, 400, expected, expected]
    assert "CUDA" not in str([answer.body for answer in answers])
    assert "CUDA out of memory, says the test" in caplog.text


def test_an_answer_that_json_cannot_hold_is_an_error_of_its_item(detector, monkeypatch):
    forward = detector._model.predict

    def gives_nan(model, inputs):
        outputs = forward(inputs)
        scores = outputs[0]["instances"].scores
        outputs[0]["instances"].scores = scores * float("nan")
        return outputs

    monkeypatch.setattr(detector._model.__class__, "predict", gives_nan)
    answers = detector.answer([GOOD, GOOD])
    assert [answer.status for answer in answers] == [500, 200]
    assert json.loads(answers[0].body)["type"] == "InternalError"
