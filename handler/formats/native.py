"""The default response: compact JSON whose numbers parse back to the model's own bits.

    {"model": {"name", "version"}, "image": {"width", "height"},
     "predictions": [{"class_id", "class_name", "score", "box": [x0, y0, x1, y1],
                      "mask": {"size": [height, width], "counts": "<COCO RLE>"}}]}

`mask` is absent where the model has no mask head.
"""

import json
from collections.abc import Iterable, Sequence

import numpy as np

from handler.masks import mask_to_rle
from handler.predictions import Predictions

CONTENT_TYPE = "application/json"


def encode_native(
    predictions: Predictions, *, classes: Sequence[str], model_name: str, model_version: str
) -> bytes:
    """Write one answer.

    Args:
        predictions: What the model said of the image.
        classes: Class names by `class_id`.
        model_name: Name under which the model is served.
        model_version: Its version.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    height, width = predictions.size_hw
    document = {
        "model": {"name": model_name, "version": model_version},
        "image": {"width": width, "height": height},
        "predictions": [_instance(predictions, i, classes) for i in range(len(predictions))],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _instance(predictions: Predictions, index: int, classes: Sequence[str]) -> dict[str, object]:
    class_id = int(predictions.class_ids[index])
    instance: dict[str, object] = {
        "class_id": class_id,
        "class_name": classes[class_id],
        "score": _shortest(predictions.scores[index]),
        "box": _shortest_list(predictions.boxes_xyxy[index]),
    }
    if predictions.masks is not None:
        instance["mask"] = mask_to_rle(predictions.masks[index])
    return instance


def _shortest(value: np.float32) -> float:
    """The double whose decimal form is the shortest that parses back to these float32 bits."""
    return float(str(value))


def _shortest_list(values: Iterable[np.float32]) -> list[float]:
    return [_shortest(value) for value in values]
