"""The command against a real server: drawn scenes of coins, a few things wrong with them."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor
from pycocotools.coco import COCO

from client.evaluate.cli import main
from examples.coins.dataset import write_scenes
from server.torchserve import TorchServe
from tests.client.evaluate.theirs import coco_evaluator
from tests.client.proxy import Asked, Proxy, Reply

SCENES = 6
SCORE_THRESHOLD = 0.7  # of coins.mar


@dataclass
class Outcome:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict:
        return json.loads((self.folder / "report.json").read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with ids that have gaps, one crowd, and one image in which nothing is."""
    folder = tmp_path_factory.mktemp("scenes")
    file = write_scenes(folder, SCENES, seed=11, size_hw=(128, 160))
    document = json.loads(file.read_text())
    for image in document["images"]:
        image["id"] = 10 + 3 * image["id"]
    for annotation in document["annotations"]:
        annotation["image_id"] = 10 + 3 * annotation["image_id"]
        annotation["id"] = 100 + 7 * annotation["id"]
        annotation["category_id"] = 44
    document["categories"][0]["id"] = 44
    empty = document["images"][2]["id"]
    document["annotations"] = [one for one in document["annotations"] if one["image_id"] != empty]
    document["annotations"][0]["iscrowd"] = 1
    file.write_text(json.dumps(document))
    return folder


@pytest.fixture
def scenes(drawn: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "scenes"))


def change(scenes: Path, edit: Callable[[dict], object]) -> None:
    file = scenes / "scenes.json"
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))


@pytest.fixture
def evaluate(proxy: Proxy, served: TorchServe, scenes: Path, tmp_path: Path, capfd):
    """Types the command; what it asks goes through the proxy."""

    def run(*words: str, output: str = "judged") -> Outcome:
        folder = tmp_path / output
        code = main(
            [
                *("--model", "coins", "--annotations", str(scenes / "scenes.json")),
                *("--images", str(scenes), "--output", str(folder)),
                *("--inference", proxy.url, "--patience", "0", "--workers", "2"),
                *("--management", served.management.url, "--key-folder", str(served.work_dir)),
                *words,
            ]
        )
        said = capfd.readouterr()
        return Outcome(code, said.out, said.err, folder)

    return run


def quick_answer(asked: Asked) -> Reply:
    """One coin in every image, without a model."""
    height, width = cv2.imdecode(np.frombuffer(asked.body, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    coin = {"class_id": 0, "class_name": "coin", "score": 0.9, "box": [0, 0, 30.5, 30]}
    document = {
        "model": {"name": "coins", "version": "1.0"},
        "image": {"width": width, "height": height},
        "predictions": [coin],
    }
    return Reply(200, json.dumps(document).encode())


@pytest.fixture(scope="module")
def expected(drawn: Path, pytestconfig: pytest.Config) -> dict[str, dict[str, float]]:
    """What Detectron2 says of the same weights and images."""
    model = pytestconfig.rootpath / "examples" / "coins"
    config = get_cfg()
    config.merge_from_file(str(model / "config.yaml"))
    config.MODEL.WEIGHTS = str(model / "model_best.pth")
    config.MODEL.DEVICE = "cpu"
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = SCORE_THRESHOLD
    predictor = DefaultPredictor(config)
    images = COCO(str(drawn / "scenes.json")).imgs.values()
    return coco_evaluator(
        drawn / "scenes.json",
        [
            (one["id"], predictor(cv2.imread(str(drawn / one["file_name"])))["instances"])
            for one in images
        ],
        category_ids={0: 44},
        class_names=("coin",),
    )


def test_equals_coco_evaluator_and_is_judged_again_without_a_server(evaluate, expected, proxy):
    first = evaluate()
    assert first.code == 0
    report = first.report
    for task in ("bbox", "segm"):
        numbers = {name: float("nan") if v is None else v for name, v in report["ap"][task].items()}
        assert numbers == pytest.approx(expected[task], abs=1e-6, nan_ok=True)
    assert 20 < report["ap"]["bbox"]["AP"] < 100
    assert report["model"] == {"name": "coins", "version": "1.0"}
    assert report["annotations"]["crowds"] == 1
    assert len(report["images"]) == report["annotations"]["judged_images"] == SCENES
    assert set(report["times_s"]) >= {"client", "model", "decode"}
    assert f"{report['ap']['segm']['AP']:.2f}" in first.out
    assert "The model answers nothing with a score below 0.7, which its archive" in first.err
    results = json.loads((first.folder / "coco_results.json").read_text())
    assert {one["image_id"] for one in results} <= {one["id"] for one in report["images"]}
    assert {one["category_id"] for one in results} == {44}

    asked = len(proxy.asked)
    assert asked == SCENES + 1  # and a small image, which shows the version
    assert {one.path for one in proxy.asked[1:]} == {"/predictions/coins/1.0"}
    proxy.instead = lambda asked: Reply(0)
    second = evaluate("--score", "0.95", "--iou", "0.75", "--gallery", "0")
    assert second.code == 0
    assert len(proxy.asked) == asked
    assert second.report["ap"] == report["ap"]
    assert second.report["total"]["detections"] < report["total"]["detections"]
    assert len((first.folder / "report.html").read_text()) < 100_000
    other = evaluate("--version", "2.0")
    assert other.code == 1
    assert "version was '1.0' and is '2.0'" in other.err


def test_goes_on_after_the_server_went_away(evaluate, proxy):
    def away(asked):
        return Reply(0) if len(proxy.asked) > 4 else quick_answer(asked)

    proxy.instead = away
    first = evaluate("--workers", "1")
    assert first.code == 1
    assert "3 answers of 6 are kept in" in first.err
    assert "the same command goes on from there" in first.err
    assert "Traceback" not in first.err
    assert not (first.folder / "report.json").exists()
    proxy.instead = quick_answer
    proxy.asked.clear()
    second = evaluate("--workers", "1")
    assert second.code == 0
    assert len(proxy.asked) == 3


def test_leaves_out_what_cannot_be_judged(evaluate, scenes):
    (scenes / "images" / "00002.png").write_bytes(b"no image")

    def say_another_size(document):
        document["images"][3]["width"] = 161
        for one in document["annotations"]:
            if one["image_id"] == document["images"][3]["id"]:
                del one["segmentation"]

    change(scenes, say_another_size)
    outcome = evaluate()
    assert outcome.code == 1
    assert "Left out of all numbers, as they could not be judged: 2 images" in outcome.err
    assert "images/00002.png: 400 UndecodableImage: The 8 bytes received" in outcome.err
    assert (
        "images/00004.png: it has 160 x 128 pixels (width x height, upright), and 161 x 128 in the "
        "annotations"
    ) in outcome.err
    report = outcome.report
    assert [one["type"] for one in report["failures"]] == ["UndecodableImage", "SizeMismatch"]
    assert len(report["images"]) == SCENES - 2
    # Some objects have no masks now.
    assert list(report["ap"]) == ["bbox"]
    assert "Not all objects of the annotations have masks: masks are not judged." in outcome.err


def test_asks_nothing_where_images_are_missing(evaluate, scenes, proxy):
    for number in (1, 5):
        (scenes / "images" / f"{number:05d}.png").unlink()
    outcome = evaluate()
    assert (outcome.code, proxy.asked) == (1, [])
    assert "2 images of 6 that" in outcome.err
    assert "images/00001.png, images/00005.png. --allow-missing judges the others." in outcome.err
    proxy.instead = quick_answer
    allowed = evaluate("--allow-missing")
    assert allowed.code == 0
    assert allowed.report["annotations"]["judged_images"] == 4
    assert any("2 images of the annotations are not there" in w for w in allowed.report["warnings"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--annotations", "{scenes}/images/00001.png"], "is no JSON", id="image"),
        pytest.param(["--annotations", "{scenes}/none.json"], "cannot be read", id="no file"),
        pytest.param(["--images", "{scenes}/none"], "is not a folder of images", id="no folder"),
        pytest.param(["--images", "{scenes}/images"], "6 images of 6", id="another folder"),
        pytest.param(["--model", "none"], "ModelNotFoundException", id="no such model"),
        pytest.param(["--version", "9"], "ModelVersionNotFoundException", id="no such version"),
        pytest.param(
            ["--classes-by", "dataset-ids"],
            "No class of the model (coin) is a category of the annotations (coin) by dataset-ids.",
            id="classes",
        ),
    ],
)
def test_says_what_is_wrong_before_it_asks(words, sentence, evaluate, scenes, proxy):
    outcome = evaluate(*(word.format(scenes=scenes) for word in words))
    assert outcome.code == 1
    assert sentence in outcome.err
    assert "Traceback" not in outcome.err
    assert len(proxy.asked) <= 1


def test_classes_that_do_not_fit_are_said_and_taken_by_order(evaluate, scenes, proxy):
    proxy.instead = quick_answer
    change(scenes, lambda document: document["categories"][0].update(name="Muenze"))
    outcome = evaluate()
    assert outcome.code == 0
    assert "in the order of their ids (coin is Muenze)" in outcome.err
    assert outcome.report["annotations"]["categories_by"] == "order"


def test_needs_the_management_api_for_nothing(evaluate, scenes, proxy):
    proxy.instead = quick_answer
    change(scenes, lambda document: document["categories"].append({"id": 2, "name": "note"}))
    outcome = evaluate("--management", "http://127.0.0.1:9")
    assert outcome.code == 0
    assert outcome.report["annotations"]["categories_by"] == "names"
    assert "does not know" not in outcome.err  # nobody has said what it knows
    assert outcome.report["total"]["detections"] == SCENES


def test_detections_of_other_classes_are_left_out(evaluate, scenes, proxy):
    def another_class(asked):
        answer = quick_answer(asked)
        return Reply(200, answer.body.replace(b'"class_id": 0', b'"class_id": 3'))

    proxy.instead = another_class
    outcome = evaluate()
    assert outcome.code == 0
    assert "for the model's class coin: its 6 detections are not judged." in outcome.err
    assert json.loads((outcome.folder / "coco_results.json").read_text()) == []
    assert outcome.report["ap"]["bbox"]["AP"] == 0


def test_stops_after_the_last_answer_as_well(evaluate, proxy):
    def interrupted(asked):
        if len(proxy.asked) == SCENES + 1:
            os.kill(os.getpid(), signal.SIGINT)
        return quick_answer(asked)

    proxy.instead = interrupted
    first = evaluate("--workers", "1")
    assert first.code == 130
    assert first.err.endswith("Stopped. The same command goes on from here.\n")
    assert [one.name for one in first.folder.iterdir()] == ["answers.jsonl"]
    asked = len(proxy.asked)
    second = evaluate("--workers", "1")
    assert second.code == 0
    assert "judging 6 images" in second.err
    assert len(proxy.asked) == asked
    assert len(second.report["images"]) == SCENES


def test_stops_when_it_is_asked_to_and_goes_on(evaluate, proxy):
    def interrupted(asked):
        if len(proxy.asked) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return quick_answer(asked)

    proxy.instead = interrupted
    first = evaluate("--workers", "1")
    assert first.code == 130
    assert "Stopping when what is under way is answered; a second" in first.err
    assert first.err.endswith("Stopped. The same command goes on from here.\n")
    assert not (first.folder / "report.json").exists()
    answered = len(proxy.asked) - 1
    assert answered < SCENES
    second = evaluate("--workers", "1")
    assert second.code == 0
    assert len(proxy.asked) == SCENES + 1


def test_a_category_that_the_model_does_not_know_counts_as_missed(evaluate, scenes):
    def add(document):
        document["categories"].append({"id": 2, "name": "note"})
        document["annotations"][1]["category_id"] = 2

    change(scenes, add)
    outcome = evaluate()
    assert outcome.code == 0
    assert "The model does not know note: objects of such count as missed." in outcome.err
    note, coin = outcome.report["classes"]
    assert (note["name"], note["objects"], note["found"], note["ap"]["bbox"]) == ("note", 1, 0, 0)
    assert coin["found"] > 0


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--iou", "0"], id="an IoU of 0"),
        pytest.param(["--iou", "1.1"], id="an IoU above 1"),
        pytest.param(["--score", "nan"], id="no number"),
        pytest.param(["--max-dets-per-image", "9"], id="too few detections"),
        pytest.param(["--keypoint-sigmas", "0.1,0"], id="a sigma of 0"),
        pytest.param(["--gallery", "-1"], id="pictures below 0"),
        pytest.param(["--workers", "0"], id="no workers"),
        pytest.param(["--patience", "inf"], id="for ever"),
    ],
)
def test_usage(words, evaluate):
    with pytest.raises(SystemExit) as ended:
        evaluate(*words)
    assert ended.value.code == 2
