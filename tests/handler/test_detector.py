import base64
import json
import re
import threading
import zipfile

import numpy as np
import pytest
import torch
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor

import handler.image_pipeline
from client.predictions import Predictions
from handler import preparation
from handler.answers import Answer
from handler.detector import Detector
from handler.formats.registry import FORMATS
from handler.options import OPTION_NAMES
from handler.request import Row
from handler.settings import Settings
from tests.architectures import export_architecture
from tests.images import noise_bgr, png
from tests.models import CLASSES, Training

IMAGE = png(noise_bgr(96, 128))
BASE64 = base64.b64encode(IMAGE).decode()


def row(image_bytes: bytes, **headers: object) -> Row:
    return Row({"body": bytearray(image_bytes)}, headers)


GOOD = row(IMAGE)
BAD = {
    "empty": (row(b""), 400, "EmptyRequest"),
    "not an image": (row(b"hello"), 400, "UndecodableImage"),
    "cut off": (row(IMAGE[:300]), 400, "UndecodableImage"),
    "unknown option": (row(IMAGE, **{"X-Format": "xml"}), 400, "InvalidOption"),
    "unknown field": (Row({"data": IMAGE, "picture": b"1"}), 400, "InvalidOption"),
    "too thin": (row(png(noise_bgr(50_000, 1))), 400, "UnsupportedImage"),
    "text": (Row({"body": "hello \N{SNOWMAN}"}), 400, "InvalidRequest"),
    "nothing": (Row({}), 400, "EmptyRequest"),
    "half a surrogate": (Row({"body": {"image": BASE64, "\ud800": 1}}), 400, "InvalidOption"),
    "half a surrogate in a value": (
        Row({"body": {"image": BASE64, "format": "\udfff"}}),
        400,
        "InvalidOption",
    ),
}


BOXES = "[[0, 0, 60, 60], [20, 10, 100, 90]]"


def detections(answer: Answer) -> Predictions:
    assert answer.status == 200, answer.body
    return Predictions.from_native(json.loads(answer.body))


@pytest.fixture(scope="module")
def predictor(training: Training) -> DefaultPredictor:
    config = get_cfg()
    config.merge_from_file(str(training.config_file))
    config.MODEL.DEVICE = "cpu"
    config.MODEL.WEIGHTS = str(training.weights)
    return DefaultPredictor(config)


@pytest.fixture(scope="module", params=[1, 4], ids=["no threads", "threads"])
def stacking(opened, request) -> Detector:
    """The same model, allowed to stack images, alone and with threads beside it."""
    return Detector.load(
        opened, device="cpu", name="tiny", version="1.0", stack=8, host_threads=request.param
    )


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
    (answer,) = detector.answer([row(png(image_bgr))])
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
    bad, status, type_ = BAD[case]
    rows = [GOOD, GOOD]
    rows.insert(position, bad)
    answers = detector.answer(rows)
    document = json.loads(answers[position].body)
    assert (answers[position].status, document["code"]) == (status, status)
    assert document["type"] == type_
    assert document["message"].endswith(".")
    others = [answer for index, answer in enumerate(answers) if index != position]
    assert [len(detections(answer)) for answer in others] == [
        len(detections(detector.answer([GOOD])[0]))
    ] * 2


def test_a_batch_of_nothing_but_bad_items(detector):
    answers = detector.answer([bad for bad, _, _ in BAD.values()])
    assert [answer.status for answer in answers] == [status for _, status, _ in BAD.values()]


def test_formats_and_sizes_mix_in_a_batch(stacking):
    names = ["native", "coco", "overlay", "geojson", "kserve_v2"]
    sizes = [(96, 128), (1, 1), (96, 128), (300, 20), (31, 47)]
    answers = stacking.answer(
        [
            row(png(noise_bgr(*size)), **{"X-Format": name})
            for name, size in zip(names, sizes, strict=True)
        ]
    )
    assert [answer.status for answer in answers] == [200] * 5
    assert [answer.content_type for answer in answers] == [FORMATS[n].content_type for n in names]


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
    raw, as_json = detector.answer([GOOD, Row({"body": {"image": BASE64}})])
    assert raw.body == as_json.body


def test_only_equal_padded_sizes_share_a_forward_pass(stacking, monkeypatch):
    shapes = []
    forward = stacking._model.predict
    monkeypatch.setattr(
        stacking._model.__class__,
        "predict",
        lambda self, inputs: (
            shapes.append([tuple(i.image.shape) for i in inputs]) or forward(inputs)
        ),
    )
    images = [noise_bgr(96, 128), noise_bgr(128, 96), noise_bgr(96, 126), noise_bgr(96, 128, 1)]
    answers = stacking.answer([row(png(image)) for image in images])
    assert shapes == [[(3, 96, 128), (3, 96, 126), (3, 96, 128)], [(3, 128, 96)]]
    assert [detections(answer).size_hw for answer in answers] == [i.shape[:2] for i in images]


def test_without_stacking_a_batch_changes_no_bit(detector):
    rows = [row(png(noise_bgr(96, 128, seed))) for seed in range(3)]
    together = [answer.body for answer in detector.answer(rows)]
    assert together == [detector.answer([one])[0].body for one in rows]


@pytest.mark.parametrize("stack", [1, 2])
def test_threads_beside_the_network_change_no_bit(stack, detector, opened):
    rows = [row(png(noise_bgr(96, 128, seed))) for seed in range(5)]
    instances = [BASE64, base64.b64encode(b"hello").decode(), BASE64]
    rows[1:1] = [BAD["empty"][0], Row({"body": {"instances": instances}})]
    alone, threaded = (
        Detector.load(
            opened, device="cpu", name="tiny", version="1.0", stack=stack, host_threads=number
        )
        for number in (1, 3)
    )
    expected = [(one.status, one.body) for one in alone.answer(rows)]
    for _ in range(3):
        assert [(one.status, one.body) for one in threaded.answer(rows)] == expected


def test_threads_prepare_the_next_images_while_the_network_runs(opened, monkeypatch):
    threaded = Detector.load(opened, device="cpu", name="tiny", version="1.0", host_threads=2)
    decoded = threading.Semaphore(0)
    decode = preparation.decode_image

    def counting(*args, **kwargs):
        image_bgr = decode(*args, **kwargs)
        decoded.release()
        return image_bgr

    forward, waits = threaded._model.predict, iter([2, 1, 0])

    def waiting(model, inputs):
        for _ in range(next(waits)):  # its own image and the next, then one more, then none
            assert decoded.acquire(timeout=30)
        return forward(inputs)

    monkeypatch.setattr(preparation, "decode_image", counting)
    monkeypatch.setattr(threaded._model.__class__, "predict", waiting)
    assert [answer.status for answer in threaded.answer([GOOD] * 3)] == [200] * 3


def test_at_most_so_many_images_are_stacked_as_the_owner_allows(opened, monkeypatch):
    two = Detector.load(opened, device="cpu", name="tiny", version="1.0", stack=2)
    calls = failing(two, monkeypatch, None, from_images=99)
    assert [answer.status for answer in two.answer([GOOD] * 5)] == [200] * 5
    assert calls == [2, 2, 1]


def test_stacking_changes_no_more_than_rounding(stacking):
    rows = [row(png(noise_bgr(96, 128, seed))) for seed in range(3)]
    for stacked, alone in zip(
        stacking.answer(rows), (stacking.answer([one])[0] for one in rows), strict=True
    ):
        found, expected = detections(stacked), detections(alone)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def failing(detector, monkeypatch, error, *, from_images: int):
    """Let the forward pass fail from so many images on; what it was called with."""
    forward, calls = detector._model.predict, []

    def predict(model, inputs):
        calls.append(len(inputs))
        if len(inputs) >= from_images:
            raise error
        return forward(inputs)

    monkeypatch.setattr(detector._model.__class__, "predict", predict)
    return calls


def test_too_little_memory_halves_the_batch_until_it_fits(stacking, monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory, says the test")
    calls = failing(stacking, monkeypatch, error, from_images=3)
    answers = stacking.answer([GOOD, BAD["empty"][0], *[GOOD] * 4])
    assert [answer.status for answer in answers] == [200, 400, 200, 200, 200, 200]
    assert calls == [5, 2, 3, 1, 2]


def test_an_image_that_does_not_fit_alone_gets_507_and_the_worker_goes_on(detector, monkeypatch):
    with monkeypatch.context() as patch:
        failing(detector, patch, torch.OutOfMemoryError("CUDA out of memory"), from_images=1)
        answers = detector.answer([GOOD, BAD["empty"][0], GOOD])
    assert [answer.status for answer in answers] == [507, 400, 507]
    document = json.loads(answers[0].body)
    assert document["type"] == "OutOfMemory"
    assert "128 x 96" in document["message"]
    assert detector.answer([GOOD])[0].status == 200


def test_any_other_failure_is_tried_image_by_image(stacking, monkeypatch):
    calls = failing(stacking, monkeypatch, RuntimeError("only two fit"), from_images=2)
    assert [answer.status for answer in stacking.answer([GOOD] * 3)] == [200] * 3
    assert calls == [3, 1, 1, 1]


def test_an_unforeseen_failure_names_an_id_that_is_in_the_log(detector, monkeypatch, caplog):
    failing(detector, monkeypatch, RuntimeError("a secret of the server"), from_images=1)
    answer, other = detector.answer([GOOD, BAD["empty"][0]])
    assert (answer.status, other.status) == (500, 400)
    message = json.loads(answer.body)["message"]
    assert "secret" not in message
    (failure_id,) = re.findall(r"under ([0-9a-f]{12})", message)
    assert f"{failure_id}: the forward pass failed" in caplog.text
    assert "a secret of the server" in caplog.text


def test_not_even_a_fault_of_our_own_fails_the_batch(detector, monkeypatch, caplog):
    monkeypatch.setattr(handler.image_pipeline, "run_batch", lambda *_, **__: 1 / 0)
    answers = detector.answer([GOOD, GOOD])
    assert [answer.status for answer in answers] == [500, 500]
    assert "ZeroDivisionError" in caplog.text


def test_several_images_are_answered_as_a_list(detector):
    instances = [BASE64, base64.b64encode(b"hello").decode(), {"b64": BASE64}]
    (answer,) = detector.answer([Row({"body": {"instances": instances}})])
    assert answer.status == 200
    first, second, third = json.loads(answer.body)["predictions"]
    assert second["type"] == "UndecodableImage"
    assert first == third == json.loads(detector.answer([GOOD])[0].body)


def test_a_list_of_which_nothing_can_be_answered_is_an_error(detector):
    bad = base64.b64encode(b"hello").decode()
    (answer,) = detector.answer([Row({"body": {"instances": [bad, bad]}})])
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "UndecodableImage")


def test_too_many_images_in_one_request(opened):
    settings = Settings(max_images_per_request=2)
    strict = Detector.load(opened, device="cpu", name="tiny", version="1", settings=settings)
    (answer,) = strict.answer([Row({"body": {"instances": [BASE64] * 3}})])
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "InvalidRequest")
    assert "3 images, at most 2" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("value", [BOXES, BOXES.encode(), json.loads(BOXES)])
def test_a_model_that_finds_its_own_regions_refuses_proposals(value, detector):
    (answer,) = detector.answer([Row({"data": IMAGE, "proposals": value})])
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "InvalidOption")
    assert "the model finds its own" in json.loads(answer.body)["message"]


@pytest.fixture(scope="module")
def fast_rcnn(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("fast_rcnn")
    export_architecture("Fast R-CNN", folder, model_name="m")
    with zipfile.ZipFile(folder / "m.mar") as archive:
        archive.extractall(folder / "opened")
    return Detector.load(folder / "opened", device="cpu", name="m", version="1", stack=4)


IMAGE_KEY = {"image": BASE64}
INSTANCE = {"b64": BASE64, "proposals": json.loads(BOXES)}
TENSOR = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [BASE64]}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": IMAGE, "proposals": BOXES.encode()}, id="form field"),
        pytest.param({"data": IMAGE, "Proposals": BOXES}, id="in capitals"),
        pytest.param({"body": {**IMAGE_KEY, "proposals": json.loads(BOXES)}}, id="JSON"),
        pytest.param({"body": {**IMAGE_KEY, "proposals": BOXES}}, id="JSON text"),
        pytest.param({"body": {"instances": [INSTANCE]}}, id="instances"),
        pytest.param(
            {"body": {"inputs": [TENSOR], "parameters": {"proposals": BOXES, "format": "native"}}},
            id="KServe v2",
        ),
    ],
)
def test_fast_rcnn_looks_where_the_request_says(fields, fast_rcnn):
    (expected,) = fast_rcnn.answer([Row({"data": IMAGE, "proposals": BOXES})])
    (answer,) = fast_rcnn.answer([Row(fields)])
    document = json.loads(answer.body)
    document = document["predictions"][0] if "instances" in fields.get("body", {}) else document
    assert document == json.loads(expected.body)
    assert document["predictions"]


def test_fast_rcnn_finds_nothing_where_it_has_nowhere_to_look(fast_rcnn):
    nowhere = Row({"data": IMAGE, "proposals": "[]"})
    outside = Row({"data": IMAGE, "proposals": "[[500, 500, 600, 600]]"})
    somewhere = Row({"data": IMAGE, "proposals": BOXES})
    answers = fast_rcnn.answer([nowhere, somewhere, outside])
    assert [len(detections(answer)) > 0 for answer in answers] == [False, True, False]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": IMAGE}, id="raw"),
        pytest.param({"body": {"image": BASE64, "proposals": None}}, id="null"),
        pytest.param({"body": {"instances": [{"b64": BASE64}]}}, id="the only image of a list"),
    ],
)
def test_fast_rcnn_says_that_it_needs_proposals(fields, fast_rcnn):
    (answer,) = fast_rcnn.answer([Row(fields)])
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "InvalidOption")
    assert '"proposals" takes a list of boxes' in json.loads(answer.body)["message"]


def test_fast_rcnn_answers_each_image_of_a_list_by_itself(fast_rcnn):
    capitals = {"b64": BASE64, "PROPOSALS": INSTANCE["proposals"]}
    images = [INSTANCE, {"b64": BASE64}, {"b64": BASE64, "proposals": "no list"}, capitals]
    (answer,) = fast_rcnn.answer([Row({"body": {"instances": images}})])
    first, without, wrong, last = json.loads(answer.body)["predictions"]
    assert first == last
    assert first["predictions"]
    assert "came without" in without["message"]
    assert "is not JSON" in wrong["message"]


def test_proposals_beside_instances_belong_to_no_image(fast_rcnn):
    body = {"instances": [BASE64], "proposals": json.loads(BOXES)}
    (answer,) = fast_rcnn.answer([Row({"body": body})])
    assert answer.status == 400
    assert "each image brings" in json.loads(answer.body)["message"]


def test_only_a_model_that_takes_proposals_describes_them(detector, fast_rcnn):
    assert "proposals" not in detector.describe()["options"]
    assert fast_rcnn.describe()["options"]["proposals"]["type"] == "array"


def test_an_answer_that_torchserve_would_not_carry_gets_413(opened):
    settings = Settings(max_response_bytes=500)
    strict = Detector.load(opened, device="cpu", name="tiny", version="1", settings=settings)
    answer, small = strict.answer([GOOD, row(IMAGE, **{"X-Max-Detections": "0"})])
    assert (answer.status, json.loads(answer.body)["type"]) == (413, "ResponseTooLarge")
    assert small.status == 200


def test_options_of_one_item_do_not_reach_another(detector):
    answers = detector.answer(
        [GOOD, row(IMAGE, **{"x-max-detections": "1"}), row(IMAGE, **{"X-CLASSES": "green"}), GOOD]
    )
    everything, one, green, again = (detections(answer) for answer in answers)
    assert len(one) == 1
    assert one.boxes_xyxy.tobytes() == everything.boxes_xyxy[:1].tobytes()
    assert len(green) == (everything.class_ids == 1).sum()
    assert answers[0].body == answers[3].body
    assert len(again) == len(everything)


def test_every_answer_says_where_the_time_went(detector):
    good, cut_off, empty = detector.answer([GOOD, row(IMAGE[:300]), row(b"")])
    stages = dict(part.split(";dur=") for part in good.headers["Server-Timing"].split(", "))
    assert list(stages) == ["decode", "preprocess", "model", "read", "masks", "encode"]
    assert all(float(duration) >= 0 for duration in stages.values())
    assert cut_off.headers["Server-Timing"].startswith("decode;dur=")
    assert "Server-Timing" not in empty.headers


def test_describes_itself(detector):
    described, good = detector.answer([Row({"body": bytearray()}, {"describe": "True"}), GOOD])
    document = json.loads(described.body)
    assert document["model"] == {"name": "tiny", "version": "1.0"}
    assert [one["name"] for one in document["classes"]] == list(CLASSES)
    assert document["options"]["classes"]["items"]["enum"] == list(CLASSES)
    assert next(iter(document["formats"])) == "native"
    assert document["limits"]["max_image_pixels"] == 25_000_000
    assert set(document["options"]) == set(OPTION_NAMES)
    assert good.status == 200


def test_an_answer_that_json_cannot_hold_is_an_error_of_its_item(stacking, monkeypatch):
    forward = stacking._model.predict

    def gives_nan(model, inputs):
        outputs = forward(inputs)
        scores = outputs[0]["instances"].scores
        outputs[0]["instances"].scores = scores * float("nan")
        return outputs

    monkeypatch.setattr(stacking._model.__class__, "predict", gives_nan)
    answers = stacking.answer([GOOD, GOOD])
    assert [answer.status for answer in answers] == [500, 200]
    assert json.loads(answers[0].body)["type"] == "InternalError"
