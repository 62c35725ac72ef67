"""`Predictions` -> `supervision.Detections`."""

from typing import Any

import numpy as np

from client.conversions.library import require
from client.predictions import Predictions


def to_supervision(predictions: Predictions) -> Any:
    """The instances as `supervision.Detections`, for its annotators, trackers and zones.

    Boxes are `xyxy`, masks `mask`, scores `confidence`, class ids `class_id`; names are
    `data["class_name"]`, where its label annotator looks for them. Keypoints and rotated boxes have
    no place in it.

    Args:
        predictions: Of one image.

    Raises:
        ImportError: supervision is not installed.
    """
    supervision = require("supervision", "to_supervision", "pip install supervision")
    return supervision.Detections(
        xyxy=predictions.boxes_xyxy.copy(),
        mask=None if predictions.masks is None else predictions.masks.copy(),
        confidence=predictions.scores.copy(),
        class_id=predictions.class_ids.copy(),
        data={"class_name": np.array(predictions.class_names, dtype=str)},
    )
