"""Requests with `tile`, through the whole handler; real coins against the untiled answer."""

import base64
import json
import zipfile

import numpy as np
import pytest
import torch

from client.predictions import Predictions
from examples.coins.photograph import load_photograph
from handler.answers import Answer
from handler.detector import Detector
from handler.formats.registry import FORMATS
from handler.request import Row
from handler.settings import Settings
from tests.architectures import ARCHITECTURES, export_architecture, fields_for
from tests.images import noise_bgr, png

IMAGE_BGR = noise_bgr(96, 160)  # with tiles of 64 and an overlap of 0.2: 2 x 3
IMAGE = png(IMAGE_BGR)
BASE64 = base64.b64encode(IMAGE).decode()


def ask(detector: Detector, image: bytes, **headers: object) -> Answer:
    names = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    (answer,) = detector.answer([Row({"body": bytearray(image)}, names)])
    return answer


def detections(answer: Answer) -> Predictions:
    assert answer.status == 200, answer.body
    return Predictions.from_native(json.loads(answer.body))


def message(answer: Answer, status: int, type_: str) -> str:
    document = json.loads(answer.body)
    assert (answer.status, document["type"]) == (status, type_), document
    return document["message"]


@pytest.fixture(scope="module")
def stacking(opened) -> Detector:
    return Detector.load(opened, device="cpu", name="tiny", version="1.0", stack=4)


def passes(detector, monkeypatch):
    """The shapes of each forward pass from now on."""
    shapes, forward = [], detector._model.predict
    monkeypatch.setattr(
        detector._model.__class__,
        "predict",
        lambda self, inputs: (
            shapes.append([tuple(one.image.shape[1:]) for one in inputs]) or forward(inputs)
        ),
    )
    return shapes


FORMS = {
    "headers": Row({"body": bytearray(IMAGE)}, {"X-Tile": "64", "x-overlap": "0.25"}),
    "form fields": Row({"data": IMAGE, "tile": b"64", "overlap": b"0.25"}),
    "gRPC": Row({"data": IMAGE, "Tile": b"64", "OVERLAP": b"0.25"}),
    "JSON": Row({"body": {"image": BASE64, "tile": 64, "overlap": 0.25}}),
    "JSON as text": Row({"body": {"image": BASE64, "tile": "64", "overlap": "0.25"}}),
    "KServe v1": Row({"body": {"instances": [BASE64], "tile": 64, "overlap": 0.25}}),
    "KServe v2": Row(
        {
            "body": {
                "inputs": [
                    {"name": "i", "shape": [1], "datatype": "BYTES", "data": [BASE64]},
                ],
                "parameters": {"tile": 64, "overlap": 0.25, "format": "native"},
            }
        }
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_request_can_ask_for_tiles(form, detector, monkeypatch):
    expected = ask(detector, IMAGE, X_Tile=64, X_Overlap=0.25)
    shapes = passes(detector, monkeypatch)
    (answer,) = detector.answer([FORMS[form]])
    assert answer.status == 200, answer.body
    document = json.loads(answer.body)
    document = document["predictions"][0] if form == "KServe v1" else document
    assert document == json.loads(expected.body)
    assert shapes == [[(96, 96)]] * 6


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("threshold", [0, 1], ids=["something", "nothing"])
def test_every_format_answers(name, threshold, detector):
    answer = ask(detector, IMAGE, X_Tile=64, X_Format=name, X_Score_Threshold=threshold)
    assert answer.status == 200, answer.body
    assert answer.content_type == FORMATS[name].content_type


def test_boxes_and_masks_are_those_of_the_whole_image(detector):
    found = detections(ask(detector, IMAGE, X_Tile=64))
    assert len(found) >= 6
    assert found.size_hw == (96, 160)
    assert found.masks.shape == (len(found), 96, 160)
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes_xyxy[:, 2].max() > 128 > 64 > found.boxes_xyxy[:, 0].min()
    for (x0, y0, x1, y1), mask in zip(found.boxes_xyxy, found.masks, strict=True):
        ys, xs = np.nonzero(mask)
        if len(xs):
            assert x0 - 1 <= xs.min() <= xs.max() <= x1 + 1
            assert y0 - 1 <= ys.min() <= ys.max() <= y1 + 1


def test_options_choose_among_what_was_merged(detector):
    everything = detections(ask(detector, IMAGE, X_Tile=64))
    two = detections(ask(detector, IMAGE, X_Tile=64, X_Max_Detections=2))
    assert two.boxes_xyxy.tobytes() == everything.boxes_xyxy[:2].tobytes()
    np.testing.assert_array_equal(two.masks, everything.masks[:2])
    green = detections(ask(detector, IMAGE, X_Tile=64, X_Classes="green"))
    assert len(green) == (everything.class_ids == 1).sum()


@pytest.mark.parametrize(
    ("size_hw", "side"),
    [
        pytest.param((1, 1), 64, id="one pixel"),
        pytest.param((96, 128), 128, id="as large as a tile"),
        pytest.param((96, 128), 10**9, id="much smaller"),
    ],
)
def test_an_image_of_one_tile_is_answered_as_without(size_hw, side, detector):
    image = png(noise_bgr(*size_hw))
    assert ask(detector, image, X_Tile=side).body == ask(detector, image).body


def test_a_tile_longer_than_one_side_alone(detector, monkeypatch):
    shapes = passes(detector, monkeypatch)
    found = detections(ask(detector, IMAGE, X_Tile=100, X_Overlap=0))
    assert shapes == [[(96, 100)]] * 2
    assert found.size_hw == (96, 160)


def test_no_more_tiles_at_once_than_images(stacking, monkeypatch):
    shapes = passes(stacking, monkeypatch)
    answers = stacking.answer([Row({"data": IMAGE, "tile": "64"}), Row({"data": IMAGE})])
    assert [answer.status for answer in answers] == [200, 200]
    # An image beside it is answered as if it were not there.
    assert sorted(map(len, shapes)) == [1, 2, 4]
    assert answers[1].body == ask(stacking, IMAGE).body


def test_stacking_tiles_changes_no_more_than_rounding(stacking, detector):
    found, expected = (detections(ask(one, IMAGE, X_Tile=64)) for one in (stacking, detector))
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_says_where_the_time_went(detector):
    timings = ask(detector, IMAGE, X_Tile=64).headers["Server-Timing"]
    stages = [part.partition(";")[0] for part in timings.split(", ")]
    assert stages == ["decode", "preprocess", "model", "read", "merge", "masks", "encode"]


def limited(opened, **settings: int) -> Detector:
    return Detector.load(
        opened, device="cpu", name="tiny", version="1", settings=Settings(**settings)
    )


def test_too_many_tiles_are_refused(opened, monkeypatch):
    strict = limited(opened, max_tiles_per_request=5)
    shapes = passes(strict, monkeypatch)
    sentence = message(ask(strict, IMAGE, X_Tile=64), 400, "InvalidOption")
    assert sentence == (
        "tile is 64 and overlap 0.2, the image of 160 x 96 pixels would be cut into 6 tiles, at "
        "most 5 are accepted of an image here."
    )
    assert shapes == []
    assert ask(strict, IMAGE, X_Tile=64, X_Overlap=0).status == 400
    assert ask(strict, IMAGE, X_Tile=90).status == 200


def test_the_images_of_a_request_share_the_limit(opened):
    strict = limited(opened, max_tiles_per_request=12)
    small = base64.b64encode(png(noise_bgr(20, 20))).decode()

    def statuses(*images):
        (answer,) = strict.answer([Row({"body": {"instances": list(images), "tile": 64}})])
        document = json.loads(answer.body)
        return [one.get("code", 200) for one in document.get("predictions", [document])]

    assert statuses(BASE64, BASE64) == [200, 200]
    assert statuses(BASE64, BASE64, small) == [400, 400, 200]
    assert statuses(*[small] * 20) == [200] * 20


def test_a_tile_that_fails_fails_its_image_alone(detector, monkeypatch):
    forward, calls = detector._model.predict, []

    def predict(model, inputs):
        calls.append(inputs)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory, says the test")
        return forward(inputs)

    monkeypatch.setattr(detector._model.__class__, "predict", predict)
    rows = [Row({"data": IMAGE, "tile": "64"}), Row({"data": IMAGE})]
    failed, good = detector.answer(rows)
    assert message(failed, 507, "OutOfMemory") == (
        "A tile of 64 x 64 pixels does not fit into the memory of the server's device; ask for "
        "smaller ones."
    )
    assert good.status == 200
    assert len(calls) == 4  # the other tiles are not run for nothing


def test_any_other_failure_is_the_image_s_as_well(detector, monkeypatch, caplog):
    monkeypatch.setattr(detector._model.__class__, "predict", lambda *_: 1 / 0)
    message(ask(detector, IMAGE, X_Tile=64), 500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


KINDS = {
    "Mask R-CNN": None,
    "Keypoint R-CNN": None,
    "Rotated R-CNN": None,
    "RetinaNet": None,
    "Fast R-CNN": "this one takes proposals and answers with boxes.",
    "PanopticFPN": "this one answers with boxes, masks, semantic, panoptic.",
    "SemanticSegmentor": "this one answers with semantic.",
    "ProposalNetwork": "this one answers with proposals.",
}


@pytest.mark.parametrize("kind", KINDS)
def test_which_models_can_be_asked_for_tiles(kind, tmp_path):
    export_architecture(kind, tmp_path, model_name="m")
    with zipfile.ZipFile(tmp_path / "m.mar") as archive:
        archive.extractall(tmp_path / "opened")
    detector = Detector.load(tmp_path / "opened", device="cpu", name="m", version="1")
    outputs = ARCHITECTURES[kind].outputs
    fields = fields_for(IMAGE_BGR, takes_proposals=kind == "Fast R-CNN")
    for side in (64, 500):
        (answer,) = detector.answer([Row(fields, {"X-Tile": str(side)})])
        if KINDS[kind] is not None:
            assert message(answer, 400, "InvalidOption").endswith(KINDS[kind])
            assert {"tile", "overlap"}.isdisjoint(detector.describe()["options"])
            continue
        assert answer.status == 200, answer.body
        instances = json.loads(answer.body)["predictions"]
        assert instances
        for name in ("mask", "keypoints"):
            assert all((name in one) == (name.rstrip("s") in "".join(outputs)) for one in instances)
        assert all(("rotated_box" in one) == (kind == "Rotated R-CNN") for one in instances)
        assert detector.describe()["options"]["tile"]["minimum"] == 64


@pytest.fixture(scope="module")
def coins(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """The example's model, which `make test` exports first."""
    archive = pytestconfig.rootpath / "model_store" / "coins.mar"
    assert archive.is_file(), "make model_store/coins.mar first"
    opened = tmp_path_factory.mktemp("coins")
    with zipfile.ZipFile(archive) as file:
        file.extractall(opened)
    return Detector.load(opened, device="cpu", name="coins", version="1.0")


def best_overlaps(expected: Predictions, found: Predictions) -> list[float]:
    """Of each expected object the intersection over union with the mask that fits best."""
    ours, theirs = (one.reshape(len(one), -1).astype(np.float32) for one in (expected, found))
    common = ours @ theirs.T
    union = ours.sum(axis=1)[:, None] + theirs.sum(axis=1) - common
    return (common / union).max(axis=1).tolist()


@pytest.mark.parametrize(
    ("side", "overlap", "tiles"),
    [
        pytest.param(280, 0.2, 4, id="4 tiles"),
        pytest.param(240, 0.1, 4, id="4 tiles, thin seams"),
        pytest.param(200, 0.2, 6, id="6 tiles"),
        pytest.param(170, 0.1, 6, id="6 tiles, thin seams"),
        pytest.param(160, 0.3, 9, id="9 tiles"),
        pytest.param(240, 0.5, 6, id="6 tiles, half of them shared"),
    ],
)
def test_the_coins_of_the_photograph_are_those_of_the_untiled_answer(
    side, overlap, tiles, coins, monkeypatch
):
    """24 coins, of which tiles cut off 12 to 21, and up to 4 are whole in none of them."""
    photograph = png(load_photograph())
    expected = detections(ask(coins, photograph))
    shapes = passes(coins, monkeypatch)
    found = detections(ask(coins, photograph, X_Tile=side, X_Overlap=overlap))
    assert len(shapes) == tiles
    assert len(found) == len(expected) == 24
    assert min(best_overlaps(expected.masks, found.masks)) >= 0.9


def test_a_big_image_is_answered_as_well_as_its_parts(coins):
    """Four photographs as one: untiled, coins are half as large as the model was trained on."""
    photograph = load_photograph()
    expected = detections(ask(coins, png(photograph)))
    found = detections(ask(coins, png(np.tile(photograph, (2, 2, 1))), X_Tile=320, X_Overlap=0.25))
    assert len(found) == 4 * len(expected)
    height, width = expected.size_hw
    for top in (0, height):
        for left in (0, width):
            quarter = found.masks[:, top : top + height, left : left + width]
            assert min(best_overlaps(expected.masks, quarter)) >= 0.9
