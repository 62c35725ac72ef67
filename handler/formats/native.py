"""The default response: compact JSON whose numbers parse back to the model's own bits.

    {"model": {"name", "version"}, "image": {"width", "height"}, "outputs": ["boxes", "masks", ...],
     "predictions": [{"class_id", "class_name", "score", "box": [x0, y0, x1, y1],
                      "rotated_box": [centre x, centre y, width, height, degrees anticlockwise],
                      "mask": {"size": [height, width], "counts": "<COCO RLE>"},
                      "keypoints": [[x, y, score], ...]}],
     "proposals": [{"box", "objectness"}],
     "semantic": {"segments": [{"class_id", "class_name", "mask"}]},
     "panoptic": {"segments": [{"id", "class_id", "class_name", "is_thing", "score", "mask"}]}}

Keys that the model has no head for are absent, but for `predictions`, which is then empty. Where it
is empty, `outputs` tells whether instances would have masks and keypoints.
"""

from typing import Any

import numpy as np

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.masks import masks_to_rle
from handler.predictions import Objects, Panoptic, Proposals

CONTENT_TYPE = "application/json"


def encode_native(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    predictions = answered.predictions
    height, width = predictions.size_hw
    document: dict[str, Any] = {
        "model": {"name": answered.model_name, "version": answered.model_version},
        "image": {"width": width, "height": height},
        "outputs": list(answered.metadata.outputs),
        "predictions": _instances(predictions.objects, answered),
    }
    if predictions.proposals is not None:
        document["proposals"] = _proposals(predictions.proposals)
    if predictions.semantic is not None:
        document["semantic"] = {"segments": _semantic(predictions.semantic, answered)}
    if predictions.panoptic is not None:
        document["panoptic"] = {"segments": _panoptic(predictions.panoptic, answered)}
    return compact_json(document)


def _instances(objects: Objects, answered: AnsweredImage) -> list[dict[str, Any]]:
    instances = []
    rles = [] if objects.masks is None else masks_to_rle(objects.masks)
    for index, class_id in enumerate(objects.class_ids.tolist()):
        instance: dict[str, Any] = {
            "class_id": class_id,
            "class_name": answered.metadata.class_of(class_id).name,
            "score": shortest(objects.scores[index : index + 1])[0],
            "box": shortest(objects.boxes_xyxy[index]),
        }
        if objects.rotated_boxes is not None:
            instance["rotated_box"] = shortest(objects.rotated_boxes[index])
        if objects.masks is not None:
            instance["mask"] = rles[index]
        if objects.keypoints is not None:
            instance["keypoints"] = [shortest(keypoint) for keypoint in objects.keypoints[index]]
        instances.append(instance)
    return instances


def _proposals(proposals: Proposals) -> list[dict[str, Any]]:
    boxes = [shortest(box) for box in proposals.boxes_xyxy]
    objectness = shortest(proposals.objectness)
    return [{"box": b, "objectness": o} for b, o in zip(boxes, objectness, strict=True)]


def _semantic(class_map: Any, answered: AnsweredImage) -> list[dict[str, Any]]:
    class_ids = np.unique(class_map).tolist()
    rles = masks_to_rle(class_map == class_id for class_id in class_ids)
    return [
        {
            "class_id": class_id,
            "class_name": answered.metadata.stuff_class_of(class_id).name,
            "mask": rle,
        }
        for class_id, rle in zip(class_ids, rles, strict=True)
    ]


def _panoptic(panoptic: Panoptic, answered: AnsweredImage) -> list[dict[str, Any]]:
    found = []
    rles = masks_to_rle(panoptic.segment_map == one.id for one in panoptic.segments)
    for one, rle in zip(panoptic.segments, rles, strict=True):
        class_info = answered.metadata.segment_class_of(one.class_id, is_thing=one.is_thing)
        segment: dict[str, Any] = {
            "id": one.id,
            "class_id": one.class_id,
            "class_name": class_info.name,
            "is_thing": one.is_thing,
        }
        if one.score is not None:
            segment["score"] = shortest(np.array([one.score], np.float32))[0]
        found.append({**segment, "mask": rle})
    return found
