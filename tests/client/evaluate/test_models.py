"""AP of real models' answers is what COCOEvaluator says of DefaultPredictor's on those images."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor
from detectron2.structures import Instances
from pycocotools import mask as coco_mask

from client.evaluate.matching import match
from client.evaluate.precision import ap_table, class_aps
from client.evaluate.reading import read_dataset
from client.predictions import Predictions
from export.cli import main as export_main
from handler.detector import Detector
from handler.request import Row
from tests.architectures import keypoint_config
from tests.client.evaluate.theirs import coco_evaluator
from tests.images import noise_bgr, png
from tests.models import CLASSES, Training, save_training

CATEGORY_IDS = {0: 4, 1: 9, 2: 12}
IMAGES = {10 + 7 * k: noise_bgr(96 + 16 * k, 160 - 16 * k, seed=k) for k in range(5)}
NOTHING_THERE = 17


@dataclass(frozen=True)
class Model:
    """The same weights twice: as an archive, and as Detectron2 runs them."""

    answer: Callable[[npt.NDArray[np.uint8]], dict[str, Any]]
    predict: Callable[[npt.NDArray[np.uint8]], Instances]


def model(training: Training, detector: Detector) -> Model:
    config = get_cfg()
    config.merge_from_file(str(training.config_file))
    config.MODEL.WEIGHTS = str(training.weights)
    predictor = DefaultPredictor(config)

    def answer(image_bgr: npt.NDArray[np.uint8]) -> dict[str, Any]:
        (answered,) = detector.answer([Row({"data": png(image_bgr)}, {})])
        return dict(json.loads(answered.body))

    return Model(answer, lambda image_bgr: predictor(image_bgr)["instances"])


@pytest.fixture(scope="module")
def masks(training: Training, detector: Detector) -> Model:
    return model(training, detector)


@pytest.fixture(scope="module")
def keypoints(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Keypoint R-CNN of three classes."""
    folder = tmp_path_factory.mktemp("keypoints")
    config = keypoint_config()
    config.MODEL.ROI_HEADS.NUM_CLASSES = len(CLASSES)
    training = save_training(folder, config)
    words = ["--config-file", str(training.config_file), "--weights", str(training.weights)]
    words += ["--classes", ",".join(CLASSES), "--model-name", "m", "--version", "1.0"]
    assert export_main([*words, "--export-path", str(folder), "--skip-verification"]) == 0
    with zipfile.ZipFile(folder / "m.mar") as archive:
        archive.extractall(folder / "opened")
    return model(training, Detector.load(folder / "opened", device="cpu", name="m", version="1"))


def annotate(file: Path, found: dict[int, Instances]) -> None:
    """Objects near what the model finds, so that it is right about some of them."""
    random = np.random.default_rng(5)
    annotations = []
    for image_id, instances in found.items():
        for index in range(0, len(instances), 2) if image_id != NOTHING_THERE else ():
            x0, y0, x1, y1 = instances.pred_boxes.tensor[index].tolist()
            w, h = (x1 - x0) * random.uniform(0.9, 1.1), (y1 - y0) * random.uniform(0.9, 1.1)
            annotations.append(
                {
                    "id": 5 + 3 * len(annotations),
                    "image_id": image_id,
                    "category_id": CATEGORY_IDS[int(instances.pred_classes[index])],
                    "bbox": [x0, y0, w, h],
                    "area": w * h * 0.8,
                    "iscrowd": int(index % 10 == 8),
                }
            )
            if instances.has("pred_masks"):
                rle = coco_mask.encode(np.asfortranarray(instances.pred_masks[index].numpy()))
                annotations[-1]["segmentation"] = {
                    "size": rle["size"],
                    "counts": rle["counts"].decode("ascii"),
                }
            if instances.has("pred_keypoints"):
                points = instances.pred_keypoints[index].numpy().copy().round()
                points[:, 2] = random.integers(0, 3, len(points))
                annotations[-1]["keypoints"] = points.ravel().tolist()
                annotations[-1]["num_keypoints"] = int((points[:, 2] > 0).sum())
    images = [
        {"id": id_, "file_name": f"{id_}.png", "height": image.shape[0], "width": image.shape[1]}
        for id_, image in IMAGES.items()
    ]
    categories = [{"id": CATEGORY_IDS[k], "name": name} for k, name in enumerate(CLASSES)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("kind", ["masks", "keypoints"])
def test_equals_coco_evaluator(kind, request, tmp_path):
    model = request.getfixturevalue(kind)
    file = tmp_path / "annotations.json"
    found = {image_id: model.predict(image) for image_id, image in IMAGES.items()}
    annotate(file, found)

    results = [
        result
        for image_id, image in IMAGES.items()
        for result in Predictions.from_native(model.answer(image)).to_coco(image_id, CATEGORY_IDS)
    ]
    dataset = read_dataset(file)
    theirs = coco_evaluator(
        file, list(found.items()), category_ids=CATEGORY_IDS, class_names=CLASSES
    )

    assert set(theirs) == {"bbox", "segm" if kind == "masks" else "keypoints"}
    names = {category.id: category.name for category in dataset.categories}
    for task, numbers in theirs.items():
        matches = match(dataset, results, task)
        by_name = {f"AP-{names[id_]}": ap for id_, ap in class_aps(matches).items()}
        ours = {**ap_table(matches), **by_name}
        assert ours == pytest.approx(numbers, abs=1e-6, nan_ok=True)
        assert 1 < numbers["AP"] < 99
