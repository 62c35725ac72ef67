"""N1: the handler that people write for Detectron2 today, at its best.

After ten that are public (detectron2#1289, pytorch/serve#3355 and others): `DefaultPredictor` made
in `initialize` from a config and a checkpoint in the archive, one image after the other, a
dictionary returned, which TorchServe turns into JSON. Those that return masks return lists of rows.
What is wrong with some of them is left out: it takes `data` and `body`, its batches may have any
size, it stays on the worker's own device.
"""

import os
from typing import Any

import cv2
import numpy as np
import torch
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor


class NaiveHandler:
    """Loads one model and answers with dictionaries."""

    def __init__(self) -> None:
        self.predictor: Any = None

    def initialize(self, context: Any) -> None:
        """Make the predictor."""
        properties = context.system_properties
        model_dir = properties.get("model_dir")
        gpu_id = properties.get("gpu_id")
        on_gpu = torch.cuda.is_available() and gpu_id is not None
        cfg = get_cfg()
        cfg.merge_from_file(os.path.join(model_dir, "config.yaml"))  # noqa: PTH118
        serialized_file = context.manifest["model"]["serializedFile"]
        cfg.MODEL.WEIGHTS = os.path.join(model_dir, serialized_file)  # noqa: PTH118
        cfg.MODEL.DEVICE = f"cuda:{gpu_id}" if on_gpu else "cpu"
        self.predictor = DefaultPredictor(cfg)

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch."""
        return [self.predict(row.get("data") or row.get("body")) for row in data]

    def predict(self, image_bytes: bytes) -> dict[str, Any]:
        """Answer one image."""
        image = cv2.imdecode(np.frombuffer(image_bytes, np.uint8), cv2.IMREAD_COLOR)
        instances = self.predictor(image)["instances"].to("cpu")
        return {
            "boxes": instances.pred_boxes.tensor.tolist(),
            "scores": instances.scores.tolist(),
            "classes": instances.pred_classes.tolist(),
            "masks": instances.pred_masks.tolist(),
        }
