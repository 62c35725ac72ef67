"""`Predictions` -> `detectron2.structures.Instances`."""

from typing import Any

from client.conversions.library import require
from client.predictions import Predictions


def to_detectron2(predictions: Predictions) -> Any:
    """The instances as Detectron2's `Instances`, as `DefaultPredictor` gives them on the CPU.

    Fields: `pred_boxes` (`Boxes`, or `RotatedBoxes` of a model that answers with those), `scores`,
    `pred_classes`, and where the model has them `pred_masks` (bool) and `pred_keypoints`.

    Args:
        predictions: Of one image.

    Raises:
        ImportError: Detectron2 is not installed.
    """
    hint = "Detectron2 has no release on PyPI; its INSTALL.md says how to get it"
    structures = require("detectron2.structures", "to_detectron2", hint)
    torch = require("torch", "to_detectron2", "pip install torch")
    if predictions.rotated_boxes is None:
        boxes = structures.Boxes(torch.from_numpy(predictions.boxes_xyxy.copy()))
    else:
        boxes = structures.RotatedBoxes(torch.from_numpy(predictions.rotated_boxes.copy()))
    instances = structures.Instances(
        predictions.size_hw,
        pred_boxes=boxes,
        scores=torch.from_numpy(predictions.scores.copy()),
        pred_classes=torch.from_numpy(predictions.class_ids.copy()),
    )
    if predictions.masks is not None:
        instances.pred_masks = torch.from_numpy(predictions.masks.copy())
    if predictions.keypoints is not None:
        instances.pred_keypoints = torch.from_numpy(predictions.keypoints.copy())
    return instances
