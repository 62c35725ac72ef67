"""Two versions' answers about a made-up data set: the new one moves, loses, adds and renames."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from client.answers.times import CLIENT
from client.compare.agreement import agreement
from client.compare.comparison import ComparedImage, Comparison, Judged
from client.compare.differences import differences
from client.compare.precision import compare_precision
from client.compare.speed import SERVER, compare_speed
from client.counterparts import Heads, one_sided
from client.evaluate.dataset import Dataset
from client.evaluate.judging import Evaluation, ImageAnswer, Settings, judge
from client.evaluate.reading import read_dataset
from client.predictions import Predictions
from tests.client.evaluate.material import CATEGORY_IDS, NAMES, make_material

Document = dict[str, Any]


@dataclass(frozen=True)
class Two:
    """A data set and both answers about each image, in the `native` format, by image id."""

    dataset: Dataset
    old: dict[int, Document]
    new: dict[int, Document]


def make_two(folder: Path, seed: int, **options: Any) -> Two:
    """The same as `make_material`, and a second answer beside each."""
    material = make_material(folder, seed, **options)
    random = np.random.default_rng((seed, 1))
    old = {id_: native(predictions) for id_, predictions in material.predictions.items()}
    return Two(
        read_dataset(material.annotations),
        old,
        {id_: changed(document, random) for id_, document in old.items()},
    )


def native(predictions: Predictions) -> Document:
    """As the server writes it."""
    rows = []
    for index in range(len(predictions)):
        rows.append(
            {
                "class_id": int(predictions.class_ids[index]),
                "class_name": predictions.class_names[index],
                "score": float(predictions.scores[index]),
                "box": predictions.boxes_xyxy[index].tolist(),
            }
        )
        if predictions.mask_rles is not None:
            rows[-1]["mask"] = dict(predictions.mask_rles[index])
        if predictions.keypoints is not None:
            rows[-1]["keypoints"] = predictions.keypoints[index].tolist()
    height, width = predictions.size_hw
    return {
        "model": {"name": "made-up", "version": "1.0"},
        "image": {"width": width, "height": height},
        "predictions": rows,
    }


def changed(document: Document, random: np.random.Generator) -> Document:
    """What a worse version says of the same image."""
    rows = []
    for one in document["predictions"]:
        if random.random() < 0.15:
            continue
        class_id = int(random.integers(3)) if random.random() < 0.1 else one["class_id"]
        side = one["box"][2] - one["box"][0]
        box = (np.array(one["box"]) + random.normal(0, 0.05, 4) * side).astype(np.float32)
        score = np.float32(np.clip(one["score"] + random.normal(-0.03, 0.05), 0.02, 1))
        named = {"class_id": class_id, "class_name": NAMES[class_id]}
        rows.append({**one, **named, "box": box.tolist(), "score": float(score)})
    rows.sort(key=lambda one: -one["score"])
    return {**document, "predictions": rows}


def evaluated(
    dataset: Dataset, documents: dict[int, Document], settings: Settings | None = None
) -> Evaluation:
    """Answers judged."""
    answers = [
        ImageAnswer(
            image,
            partial(Predictions.from_native(documents[image.id]).to_coco, image.id, CATEGORY_IDS),
            0.05,
        )
        for image in dataset.images
    ]
    return judge(dataset, answers, settings or Settings())


def compared(two: Two, *, judged: bool = True, count: int = 200) -> Comparison:
    """Everything, without a server; the new version takes 1.5 times as long."""
    settings = Settings()
    old, new = evaluated(two.dataset, two.old), evaluated(two.dataset, two.new)
    pairs = zip(old.images, new.images, strict=True)
    images = []
    for k, (before, after) in enumerate(pairs):
        documents = two.old[before.image.id], two.new[before.image.id]
        found = differences(*documents, iou=settings.iou, score=settings.score)
        of_both = (before, after) if judged else None
        seconds = 0.04 + k / 1000
        images.append(ComparedImage(before.image.file_name, found, seconds, 1.5 * seconds, of_both))
    heads = Heads.of(two.old.values()), Heads.of(two.new.values())
    seconds = [
        ({CLIENT: one.old_s, SERVER: one.old_s / 2}, {CLIENT: one.new_s, SERVER: one.new_s / 2})
        for one in images
    ]
    return Comparison(
        settings,
        images,
        [],
        agreement([one.differences for one in images], one_sided(*heads)),
        compare_speed(seconds, count=count),
        Judged(old, new, compare_precision(old, new, count=count)) if judged else None,
        (),
    )
