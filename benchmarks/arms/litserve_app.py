"""N2: LitServe hosting `DefaultPredictor`; masks as Detectron2's own run lengths.

    PYTHONPATH=FOLDER_OF_LITSERVE python litserve_app.py CONFIG WEIGHTS DEVICE PORT WORKERS

The image comes as base64 in JSON, as in LitServe's own examples.
"""

import base64
import logging
import sys
import warnings
from typing import Any

import cv2
import litserve
import numpy as np
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor
from detectron2.evaluation.coco_evaluation import instances_to_coco_json


class PredictorApi(litserve.LitAPI):  # type: ignore[misc]
    """The four steps that LitServe asks for."""

    def __init__(self, config_file: str, weights: str) -> None:
        super().__init__()
        self._config_file = config_file
        self._weights = weights

    def setup(self, device: Any) -> None:
        """Make the predictor."""
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        cfg = get_cfg()
        cfg.merge_from_file(self._config_file)
        cfg.MODEL.WEIGHTS = self._weights
        cfg.MODEL.DEVICE = device
        self._predictor = DefaultPredictor(cfg)

    # LitServe reads annotations as FastAPI does; without them it hands on the parsed JSON.
    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """The image of a request."""
        encoded = np.frombuffer(base64.b64decode(request["image"]), np.uint8)
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR)

    def predict(self, image: Any) -> Any:
        """What is on it."""
        return self._predictor(image)["instances"].to("cpu")

    def encode_response(self, instances):  # type: ignore[no-untyped-def]
        """As JSON values."""
        objects = instances_to_coco_json(instances, 0)
        return {
            "boxes": instances.pred_boxes.tensor.tolist(),
            "scores": instances.scores.tolist(),
            "classes": instances.pred_classes.tolist(),
            "masks": [one["segmentation"] for one in objects],
        }


if __name__ == "__main__":
    config_file, weights, device, port, workers = sys.argv[1:]
    server = litserve.LitServer(
        PredictorApi(config_file, weights),
        accelerator="cpu" if device == "cpu" else "cuda",
        devices=1,
        workers_per_device=int(workers),
        timeout=False,
    )
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")
