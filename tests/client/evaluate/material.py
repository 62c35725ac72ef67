"""Data sets and answers made up from a seed: crowds, empty images, ids with gaps, many classes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from client.evaluate.dataset import ImageEntry
from client.evaluate.judging import ImageAnswer
from client.predictions import Predictions, Rle

CATEGORY_IDS = {0: 3, 1: 7, 2: 18}
NAMES = ("cat", "dog", "bird")
KEYPOINTS = 17
_POSE = np.random.default_rng(0).uniform(0, 1, (KEYPOINTS, 2))
"""Where keypoints are in a box, as shares of its sides."""


@dataclass(frozen=True)
class Material:
    """A data set and what a model says of it.

    Attributes:
        annotations: The COCO file.
        predictions: By image id.
    """

    annotations: Path
    predictions: dict[int, Predictions]


def answers_of(material: Material, images: Iterable[ImageEntry]) -> list[ImageAnswer]:
    """What the model says of some images, as judging takes it."""
    return [
        ImageAnswer(
            image, partial(material.predictions[image.id].to_coco, image.id, CATEGORY_IDS), 0.1
        )
        for image in images
    ]


def make_material(
    folder: Path,
    seed: int,
    *,
    images: int = 8,
    masks: bool = False,
    keypoints: bool = False,
    crowds: bool = True,
) -> Material:
    """Write a data set, and answers that are right about half of the time."""
    random = np.random.default_rng(seed)
    document: dict[str, Any] = {
        "images": [],
        "annotations": [],
        # Not by their ids.
        "categories": [
            {"id": CATEGORY_IDS[k], "name": NAMES[k]} for k in random.permutation(len(NAMES))
        ],
    }
    predictions = {}
    for number in range(images):
        image_id = 5 + 3 * number + int(random.integers(2))
        height, width = (int(side) for side in random.integers(80, 300, 2))
        document["images"].append(
            {"id": image_id, "file_name": f"{number}.png", "height": height, "width": width}
        )
        count = 0 if number % 4 == 1 else int(random.integers(1, 9))
        boxes_xywh = _boxes(random, count, height, width)
        classes = random.integers(len(NAMES), size=count)
        for box, class_ in zip(boxes_xywh, classes, strict=True):
            is_crowd = crowds and random.random() < 0.2
            document["annotations"].append(
                {
                    "id": 11 + 2 * len(document["annotations"]),
                    "image_id": image_id,
                    "category_id": CATEGORY_IDS[int(class_)],
                    "bbox": box.tolist(),
                    "area": float(box[2] * box[3] * random.uniform(0.5, 1)),
                    "iscrowd": int(is_crowd),
                    **({"segmentation": _segmentation(random, box, is_crowd, height, width)}),
                    **(_annotated_keypoints(random, box) if keypoints else {}),
                }
            )
        predictions[image_id] = _predictions(
            random, boxes_xywh, classes, (height, width), masks=masks, keypoints=keypoints
        )
    file = folder / "annotations.json"
    file.write_text(json.dumps(document))
    return Material(file, predictions)


def _boxes(
    random: np.random.Generator, count: int, height: int, width: int
) -> npt.NDArray[np.float64]:
    sizes = np.exp(random.uniform(np.log(8), np.log(min(height, width)), (count, 2)))
    corners = random.uniform(0, 1, (count, 2)) * (np.array([width, height]) - sizes)
    return np.concatenate([corners, sizes], axis=1).round(2)


def _segmentation(
    random: np.random.Generator, box: npt.NDArray[Any], is_crowd: bool, height: int, width: int
) -> Any:
    x, y, w, h = box.tolist()
    if not is_crowd:
        return [[x, y, x + w, y + h * 0.2, x + w * random.uniform(0.5, 1), y + h, x, y + h * 0.9]]
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[int(y) : int(y + h) + 1, int(x) : int(x + w) + 1] = 1
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[2], mask.ravel("F"), [2]]))))
    counts = runs.tolist() if mask[0, 0] == 0 else [0, *runs.tolist()]
    return {"size": [height, width], "counts": counts}


def _annotated_keypoints(random: np.random.Generator, box: npt.NDArray[Any]) -> dict[str, Any]:
    x, y, w, h = box.tolist()
    visibility = random.integers(0, 3, KEYPOINTS) * int(random.random() < 0.8)
    places = (_POSE + random.normal(0, 0.02, _POSE.shape)) * [w, h] + [x, y]
    points = np.concatenate([places.round(), visibility[:, None]], axis=1)
    points[visibility == 0] = 0
    return {"keypoints": points.ravel().tolist(), "num_keypoints": int((visibility > 0).sum())}


def _predictions(
    random: np.random.Generator,
    boxes_xywh: npt.NDArray[np.float64],
    classes: npt.NDArray[np.int64],
    size_hw: tuple[int, int],
    *,
    masks: bool,
    keypoints: bool,
) -> Predictions:
    """Objects found well or badly, twice, as another class or not at all, and false alarms."""
    height, width = size_hw
    kept = random.integers(0, 3, len(boxes_xywh))
    jitter = np.repeat(boxes_xywh, kept, axis=0)
    jitter[:, :2] += random.normal(0, 0.05, (len(jitter), 2)) * jitter[:, 2:]
    jitter[:, 2:] *= random.uniform(0.88, 1.12, (len(jitter), 2))
    noise = _boxes(random, int(random.integers(0, 5)), height, width)
    found = np.concatenate([jitter, noise])
    said = np.concatenate([np.repeat(classes, kept), random.integers(len(NAMES), size=len(noise))])
    wrong = random.random(len(said)) < 0.2
    said[wrong] = random.integers(len(NAMES), size=wrong.sum())
    # Two decimals: equal scores are part of it.
    scores = np.sort(random.uniform(0.02, 1, len(found)).round(2))[::-1].astype(np.float32)
    boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
    points = None
    if keypoints:
        places = _POSE + random.normal(0, 0.02, (len(found), KEYPOINTS, 2))
        points = np.concatenate(
            [
                places * found[:, None, 2:] + found[:, None, :2],
                random.uniform(0, 1, (len(found), KEYPOINTS, 1)),
            ],
            axis=2,
        ).astype(np.float32)
    return Predictions(
        model_name="made-up",
        model_version="1.0",
        size_hw=size_hw,
        boxes_xyxy=boxes.astype(np.float32),
        scores=scores,
        class_ids=said.astype(np.int64),
        class_names=tuple(NAMES[one] for one in said),
        mask_rles=tuple(_mask(random, box, size_hw) for box in found) if masks else None,
        keypoints=points,
    )


def _mask(random: np.random.Generator, box: npt.NDArray[Any], size_hw: tuple[int, int]) -> Rle:
    x, y, w, h = box.tolist()
    cut = random.uniform(0.6, 1)
    polygon = [x, y, x + w, y + h * 0.2, x + w * cut, y + h, x, y + h * 0.9]
    rle = coco_mask.merge(coco_mask.frPyObjects([polygon], *size_hw))
    return {"size": list(size_hw), "counts": rle["counts"].decode("ascii")}
