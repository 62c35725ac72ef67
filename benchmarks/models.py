"""The models that are measured, as the config and checkpoint that a training leaves behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode, get_cfg
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.engine import DefaultPredictor
from detectron2.modeling import build_model

from benchmarks.errors import BenchmarkError
from benchmarks.material import Image, Pixels, decode
from benchmarks.widening import widen
from export.zoo import CONFIGS
from fidelity.weights import randomise

_COINS = Path(__file__).parents[1] / "examples" / "coins"
_R50 = CONFIGS / "COCO-InstanceSegmentation" / "mask_rcnn_R_50_FPN_3x.yaml"

_WIDTHS = {
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 64,
    "MODEL.RESNETS.WIDTH_PER_GROUP": 64,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 256,
    "MODEL.FPN.OUT_CHANNELS": 256,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 1024,
    "MODEL.ROI_MASK_HEAD.CONV_DIM": 256,
}
"""Channels of R50-FPN in the model zoo; the other layers follow from them."""

_MOST_OBJECTS = 40
_MEAN_OBJECTS = 16

_FITTED_TO = ("astronaut", "coffee", "rocket", "cat, upright")


@dataclass(frozen=True)
class ModelFiles:
    """What is exported, and what Detectron2 itself loads.

    Attributes:
        name: To serve it under.
        config_file: The text of `cfg.dump()`.
        weights: A checkpoint.
        classes: As `python -m export --classes` takes them.
    """

    name: str
    config_file: Path
    weights: Path
    classes: str

    def predictor(self, device: str) -> Any:
        """Detectron2's `DefaultPredictor`."""
        config = get_cfg()
        config.merge_from_file(str(self.config_file))
        config.MODEL.WEIGHTS = str(self.weights)
        config.MODEL.DEVICE = device
        return DefaultPredictor(config)


def coins(scratch: Path, images: Sequence[Image], *, full_size: bool) -> ModelFiles:
    """The example's model: small, so that what is not the forward pass weighs much."""
    config = get_cfg()
    config.merge_from_file(str(_COINS / "config.yaml"))
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.7  # as `make demo` exports it
    return _files("coins", scratch, config, _COINS / "model_best.pth", "coin")


def r50(scratch: Path, images: Sequence[Image], *, full_size: bool) -> ModelFiles:
    """Mask R-CNN R50-FPN of the model zoo with seeded random weights: the forward pass dominates.

    Its threshold is set so that it finds 16 objects an image, 40 at most.

    Args:
        scratch: Folder for the checkpoint.
        images: The material.
        full_size: Resize the shorter side to 800 pixels as in the zoo; else to 320, with which a
            CPU takes a sixth of the time.
    """
    config = get_cfg()
    config.merge_from_file(str(_R50))
    config.MODEL.DEVICE = "cpu"
    config.DATASETS.TEST = ()
    if not full_size:
        config.INPUT.MIN_SIZE_TEST, config.INPUT.MAX_SIZE_TEST = 320, 533
    pixels = [decode(image.jpeg) for image in images if image.name in _FITTED_TO]
    network = randomise(
        lambda: build_model(config).eval(), [_model_input(config, one) for one in pixels]
    )
    weights = scratch / "model_final.pth"
    torch.save({"model": network.state_dict()}, weights)
    del network
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = _threshold(config, weights, images[::4])
    config.TEST.DETECTIONS_PER_IMAGE = _MOST_OBJECTS
    names = ",".join(f"class{number}" for number in range(config.MODEL.ROI_HEADS.NUM_CLASSES))
    return _files("r50", scratch, config, weights, names)


def wide(scratch: Path, images: Sequence[Image], *, full_size: bool) -> ModelFiles:
    """The example's model with the widths of R50-FPN: it finds the same coins and costs more.

    Random weights amplify what rounding changes as trained ones do not: what a faster precision
    does to answers is judged on this model. Its images are as large as the example's, and it looks
    at 150 regions where the zoo's R50-FPN looks at 1000.

    Args:
        scratch: Folder for the checkpoint.
        images: The material.
        full_size: Nothing: the example was trained on images of one size.
    """
    narrow = get_cfg()
    narrow.merge_from_file(str(_COINS / "config.yaml"))
    # Below the 0.5 above which no object may be missed: one with 0.501 is not missed at 0.499.
    narrow.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.3
    config = narrow.clone()
    config.merge_from_list([part for pair in _WIDTHS.items() for part in pair])
    network = build_model(config).eval()
    trained = build_model(narrow).eval()
    DetectionCheckpointer(trained).load(str(_COINS / "model_best.pth"))
    widen(trained, network)
    weights = scratch / "model_final.pth"
    torch.save({"model": network.state_dict()}, weights)
    return _files("wide", scratch, config, weights, "coin")


MODELS: dict[str, Callable[..., ModelFiles]] = {"coins": coins, "r50": r50, "wide": wide}


def threshold_for(scores: Sequence[Sequence[float]]) -> float:
    """The score above which an image has 16 objects on average, with no more than 40 of each.

    Args:
        scores: Of the objects of each image, in any order.

    Raises:
        BenchmarkError: There are not so many objects.
    """
    best = [np.sort(np.asarray(one, np.float64))[::-1][:_MOST_OBJECTS] for one in scores]
    together = np.sort(np.concatenate(best))[::-1]
    wanted = _MEAN_OBJECTS * len(scores)
    if len(together) <= wanted:
        raise BenchmarkError(
            f"The seeded weights find {len(together)} objects on {len(scores)} images, "
            f"more than {wanted} are needed."
        )
    return float(together[wanted])


def _threshold(config: CfgNode, weights: Path, images: Sequence[Image]) -> float:
    config = config.clone()
    config.MODEL.MASK_ON = False
    config.MODEL.WEIGHTS = str(weights)
    predictor = DefaultPredictor(config)
    found = [predictor(decode(image.jpeg))["instances"] for image in images]
    return threshold_for([one.scores.tolist() for one in found])


def _model_input(config: CfgNode, image_bgr: Pixels) -> dict[str, Any]:
    size = config.INPUT.MIN_SIZE_TEST
    resize = ResizeShortestEdge([size, size], config.INPUT.MAX_SIZE_TEST)
    resized = resize.get_transform(image_bgr).apply_image(image_bgr)
    height, width = image_bgr.shape[:2]
    tensor = torch.as_tensor(resized.astype("float32").transpose(2, 0, 1))
    return {"image": tensor, "height": height, "width": width}


def _files(name: str, scratch: Path, config: CfgNode, weights: Path, classes: str) -> ModelFiles:
    config_file = scratch / "config.yaml"
    config_file.write_text(config.dump(), encoding="utf-8")
    return ModelFiles(name, config_file, weights, classes)
