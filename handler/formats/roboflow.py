"""The shape of Roboflow's inference server, which every tool of its `supervision` reads.

    {"image": {"width", "height"},
     "predictions": [{"x", "y", "width", "height", "confidence", "class", "class_id",
                      "detection_id", "mask_format": "rle",
                      "rle": {"size": [height, width], "counts": "<COCO RLE>"},
                      "keypoints": [{"x", "y", "confidence", "class_id", "class"}]}]}

`supervision.Detections.from_inference` (0.31) reads boxes, scores, classes and masks,
`supervision.KeyPoints.from_inference` the keypoints. `x` and `y` are the centre of the box. Masks
are RLE, exact to the pixel; the other form, `points`, is one polygon without holes, which loses
parts and is drawn back a pixel larger.

`time` and `inference_id` are left out: an answer depends on nothing but the image and the model,
and the header `Server-Timing` says where the time went. For the same reason a `detection_id` is the
same whenever the answer is the same. Of rotated boxes the upright ones around them are given;
proposals, semantic and panoptic segmentation have no place.
"""

import uuid
from typing import Any

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.masks import masks_to_rle

CONTENT_TYPE = "application/json"


def encode_roboflow(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    height, width = answered.predictions.size_hw
    document = {"image": {"width": width, "height": height}, "predictions": _predictions(answered)}
    return compact_json(document)


def _predictions(answered: AnsweredImage) -> list[dict[str, Any]]:
    objects = answered.predictions.objects
    predictions = []
    rles = [] if objects.masks is None else masks_to_rle(objects.masks)
    for index, class_id in enumerate(objects.class_ids.tolist()):
        # In doubles, in which centre and size give the corners' float32 back.
        x0, y0, x1, y1 = objects.boxes_xyxy[index].astype(np.float64).tolist()
        prediction: dict[str, Any] = {
            "x": (x0 + x1) / 2,
            "y": (y0 + y1) / 2,
            "width": x1 - x0,
            "height": y1 - y0,
            "confidence": shortest(objects.scores[index : index + 1])[0],
            "class": answered.metadata.class_of(class_id).name,
            "class_id": class_id,
            "detection_id": _detection_id(answered, index),
        }
        if objects.masks is not None:
            prediction["rle"] = rles[index]
            prediction["mask_format"] = "rle"
        if objects.keypoints is not None:
            names = answered.metadata.keypoint_names
            prediction["keypoints"] = _keypoints(objects.keypoints[index], names)
        predictions.append(prediction)
    return predictions


def _detection_id(answered: AnsweredImage, index: int) -> str:
    objects = answered.predictions.objects
    of = (answered.model_name, answered.model_version, answered.options.image_id, index)
    box, score = objects.boxes_xyxy[index].tobytes(), objects.scores[index].tobytes()
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{of} {box.hex()} {score.hex()}"))


def _keypoints(
    keypoints: npt.NDArray[np.float32], names: tuple[str, ...]
) -> list[dict[str, int | float | str]]:
    found: list[dict[str, int | float | str]] = []
    for index, keypoint in enumerate(keypoints):
        x, y, score = shortest(keypoint)
        name = names[index] if index < len(names) else str(index)
        found.append({"x": x, "y": y, "confidence": score, "class_id": index, "class": name})
    return found
