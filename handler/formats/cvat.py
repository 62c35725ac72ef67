"""What CVAT expects of an automatic annotation function (nuclio detector).

    [{"type": "rectangle", "points": [x0, y0, x1, y1], "rotation": degrees clockwise, ...},
     {"type": "mask", "mask": [0, 1, ..., left, top, right, bottom], "points": [x, y, ...], ...},
     {"type": "skeleton", "elements": [{"type": "points", "label": "<keypoint>",
                                        "points": [x, y], "outside": false, "confidence"}], ...}]

each with `label`, the class's name, and `confidence`, a score as text. An object is a skeleton
where the model has keypoints, else a mask where it has masks, else a rectangle; a rectangle as well
where its mask is empty.

`mask` holds the pixels of the mask's own extent, row after row, then that extent, whose right and
bottom are the last column and row, not the ones after. CVAT takes `points` instead where it was
asked to convert masks to polygons: the outline of the largest part, which loses holes and other
parts. Masks are two bytes a pixel here and CVAT has no shorter form: large ones may exceed
TorchServe's `max_response_size`.

Semantic classes and panoptic segments are masks with the confidence "1" where the model gives none
(see `handler.formats.segments`). Proposals have no place. No keypoint is marked `outside`: the
model answers with a place for each of them, and the confidence says what to think of it.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.formats.segments import segments
from handler.polygons import mask_extent, mask_to_polygons

CONTENT_TYPE = "application/json"


def encode_cvat(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with NaN or infinity.
    """
    objects, annotations = answered.predictions.objects, []
    for index, class_id in enumerate(objects.class_ids.tolist()):
        annotation = {
            "confidence": _confidence(shortest(objects.scores[index : index + 1])[0]),
            "label": answered.metadata.class_of(class_id).name,
        }
        annotations.append({**annotation, **_shape(answered, index)})
    for one in segments(answered):
        if (shape := _mask_shape(one.mask)) is not None:
            confidence = "1" if one.score is None else _confidence(one.score)
            label = one.class_info.name
            annotations.append({"confidence": confidence, "label": label, **shape})
    return compact_json(annotations)


def _confidence(score: float) -> str:
    # Within quotes JSON would let it pass.
    if not math.isfinite(score):
        raise ValueError(f"The model answered with the score {score}.")
    return str(score)


def _shape(answered: AnsweredImage, index: int) -> dict[str, Any]:
    objects = answered.predictions.objects
    if objects.keypoints is not None:
        names = answered.metadata.keypoint_names
        return {"type": "skeleton", "elements": _elements(objects.keypoints[index], names)}
    if objects.masks is not None and (shape := _mask_shape(objects.masks[index])) is not None:
        return shape
    if objects.rotated_boxes is not None:
        return _rotated_rectangle(objects.rotated_boxes[index])
    return {"type": "rectangle", "points": shortest(objects.boxes_xyxy[index])}


def _mask_shape(mask: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
    box_xyxy = mask_extent(mask)
    if box_xyxy is None:
        return None
    left, top, right, bottom = box_xyxy
    pixels = mask[top:bottom, left:right].astype(np.uint8).ravel().tolist()
    largest = max(mask_to_polygons(mask), key=lambda polygon: polygon.area)
    return {
        "type": "mask",
        "mask": [*pixels, left, top, right - 1, bottom - 1],
        "points": largest.exterior.ravel().tolist(),
    }


def _rotated_rectangle(rotated_box: npt.NDArray[np.float32]) -> dict[str, Any]:
    """CVAT turns the upright rectangle clockwise about its centre."""
    x, y, width, height, angle = rotated_box.astype(np.float64).tolist()
    points = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return {"type": "rectangle", "points": points, "rotation": -angle % 360}


def _elements(keypoints: npt.NDArray[np.float32], names: tuple[str, ...]) -> list[dict[str, Any]]:
    elements = []
    for index, keypoint in enumerate(keypoints):
        x, y, score = shortest(keypoint)
        element = {
            "type": "points",
            "label": names[index] if index < len(names) else str(index),
            "points": [x, y],
            "outside": False,
            "confidence": _confidence(score),
        }
        elements.append(element)
    return elements
