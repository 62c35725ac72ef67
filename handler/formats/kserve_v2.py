"""An answer of the Open Inference Protocol (KServe v2): named tensors.

    {"model_name", "model_version", "outputs": [{"name", "shape", "datatype", "data"}]}

    name               datatype  shape      of
    boxes              FP32      [N, 4]     instances: x0, y0, x1, y1 in pixels
    scores             FP32      [N]
    labels             INT64     [N]        class ids
    label_names        BYTES     [N]
    rotated_boxes      FP32      [N, 5]     centre x, centre y, width, height, degrees anticlockwise
    masks              BYTES     [N]        JSON text of a COCO RLE each
    keypoints          FP32      [N, K, 3]  x, y, score
    proposals          FP32      [P, 4]
    objectness         FP32      [P]        logits
    semantic_labels    INT64     [S]        ids among the model's `stuff_classes`
    semantic_names     BYTES     [S]
    semantic_masks     BYTES     [S]
    panoptic_labels    INT64     [S]        ids among `classes` (things) or `stuff_classes`
    panoptic_names     BYTES     [S]
    panoptic_is_thing  BOOL      [S]
    panoptic_masks     BYTES     [S]

Tensors that the model has no head for are absent, but for the first four, which are then of length
0. `data` is flat, row after row. The request's `id` is added by who knows the request.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.masks import masks_to_rle
from handler.predictions import Objects, Panoptic

CONTENT_TYPE = "application/json"


def encode_kserve_v2(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    predictions = answered.predictions
    outputs = _instances(predictions.objects, answered)
    if predictions.proposals is not None:
        outputs.append(_floats("proposals", predictions.proposals.boxes_xyxy))
        outputs.append(_floats("objectness", predictions.proposals.objectness))
    if predictions.semantic is not None:
        outputs += _semantic(predictions.semantic, answered)
    if predictions.panoptic is not None:
        outputs += _panoptic(predictions.panoptic, answered)
    document = {
        "model_name": answered.model_name,
        "model_version": answered.model_version,
        "outputs": outputs,
    }
    return compact_json(document)


def _instances(objects: Objects, answered: AnsweredImage) -> list[dict[str, Any]]:
    class_ids = objects.class_ids.tolist()
    outputs = [
        _floats("boxes", objects.boxes_xyxy),
        _floats("scores", objects.scores),
        _list("labels", "INT64", class_ids),
        _list("label_names", "BYTES", [answered.metadata.class_of(one).name for one in class_ids]),
    ]
    if objects.rotated_boxes is not None:
        outputs.append(_floats("rotated_boxes", objects.rotated_boxes))
    if objects.masks is not None:
        outputs.append(_list("masks", "BYTES", _rle_texts(objects.masks)))
    if objects.keypoints is not None:
        outputs.append(_floats("keypoints", objects.keypoints))
    return outputs


def _semantic(class_map: npt.NDArray[np.int64], answered: AnsweredImage) -> list[dict[str, Any]]:
    class_ids = np.unique(class_map).tolist()
    names = [answered.metadata.stuff_class_of(one).name for one in class_ids]
    return [
        _list("semantic_labels", "INT64", class_ids),
        _list("semantic_names", "BYTES", names),
        _list("semantic_masks", "BYTES", _rle_texts(class_map == one for one in class_ids)),
    ]


def _panoptic(panoptic: Panoptic, answered: AnsweredImage) -> list[dict[str, Any]]:
    metadata, segments = answered.metadata, panoptic.segments
    names = [
        metadata.segment_class_of(one.class_id, is_thing=one.is_thing).name for one in segments
    ]
    masks = _rle_texts(panoptic.segment_map == one.id for one in segments)
    return [
        _list("panoptic_labels", "INT64", [one.class_id for one in segments]),
        _list("panoptic_names", "BYTES", names),
        _list("panoptic_is_thing", "BOOL", [one.is_thing for one in segments]),
        _list("panoptic_masks", "BYTES", masks),
    ]


def _floats(name: str, values: npt.NDArray[np.float32]) -> dict[str, Any]:
    data = shortest(values.ravel())
    return {"name": name, "shape": list(values.shape), "datatype": "FP32", "data": data}


def _list(name: str, datatype: str, data: Sequence[object]) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


def _rle_texts(masks: Iterable[npt.NDArray[np.bool_]]) -> list[str]:
    return [compact_json(rle).decode("utf-8") for rle in masks_to_rle(masks)]
