"""Small networks that stand for trained ones: untrained, but they tell classes apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.engine import DefaultPredictor

from tests.models import Training, save_training, tiny_config

Image = npt.NDArray[np.uint8]

SURE = 0.5
"""Detections of that score or more are what a stand-in takes for objects."""

_EPSILON = 1e-5
_SPREAD = 8.0
_BACKGROUND = 1.2


@dataclass(frozen=True)
class Found:
    """An object that a network finds.

    Attributes:
        class_id: Position in its classes.
        score: 0 to 1.
        box_xyxy: (4,) float32, pixels.
        mask: (H, W) bool.
    """

    class_id: int
    score: float
    box_xyxy: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StandIn:
    """A network with what `DefaultTrainer` would have left of it.

    Attributes:
        config: Its config.
        training: Its files.
    """

    config: CfgNode
    training: Training

    def finds(self, images_bgr: Sequence[Image]) -> list[list[Found]]:
        """What Detectron2 itself says of images, the best score first."""
        config = self.config.clone()
        config.MODEL.WEIGHTS = str(self.training.weights)
        predict = DefaultPredictor(config)
        return [_found(predict(image_bgr)["instances"]) for image_bgr in images_bgr]


def stand_in(
    folder: Path, images_bgr: Sequence[Image], *, classes: int, dataset: str = "somebodys_val"
) -> StandIn:
    """Make a network that finds objects of different classes in images.

    Args:
        folder: Where `config.yaml` and `model_final.pth` go.
        images_bgr: Of the size that it will be asked about.
        classes: How many it tells apart.
        dataset: What its config says that it was tested on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = tiny_config()
    config.MODEL.ROI_HEADS.NUM_CLASSES = classes
    config.DATASETS.TEST = (dataset,)
    made = StandIn(config, save_training(folder, config))
    checkpoint = torch.load(made.training.weights, weights_only=True)
    checkpoint["model"].update(_spread_classes(made, images_bgr))
    torch.save(checkpoint, made.training.weights)
    return made


def with_frozen_norms(trained: StandIn, folder: Path) -> StandIn:
    """The same network with each batch norm as a scale and a bias, which is all Caffe2 had."""
    folder.mkdir(parents=True)
    config = trained.config.clone()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    made = StandIn(config, Training(folder / "config.yaml", folder / "model_final.pth"))
    state = torch.load(trained.training.weights, weights_only=True)["model"]
    for name in [one for one in state if one.endswith("running_var")]:
        norm = name.removesuffix(".running_var")
        scale = state[f"{norm}.weight"] / torch.sqrt(state[name] + _EPSILON)
        state[f"{norm}.bias"] -= state[f"{norm}.running_mean"] * scale
        state[f"{norm}.weight"] = scale
        state[f"{norm}.running_mean"] = torch.zeros_like(scale)
        state[name] = torch.ones_like(scale)
        del state[f"{norm}.num_batches_tracked"]
    made.training.config_file.write_text(config.dump())
    torch.save({"model": state}, made.training.weights)
    return made


def _spread_classes(made: StandIn, images_bgr: Sequence[Image]) -> dict[str, torch.Tensor]:
    """Weights by which regions of images fall into different classes.

    Untrained ones take every region for the same class: features are all positive and alike. These
    look at how a region differs from the others.
    """
    config = made.config.clone()
    config.MODEL.WEIGHTS = str(made.training.weights)
    predict = DefaultPredictor(config)
    seen: list[torch.Tensor] = []
    predictor = predict.model.roi_heads.box_predictor
    predictor.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    for image_bgr in images_bgr:
        predict(image_bgr)
    features = torch.cat(seen)
    torch.manual_seed(11)
    directions = torch.randn(predictor.cls_score.weight.shape)
    directions[-1] = 0  # of the background
    weight = _SPREAD * directions / (features.std(dim=0) + 1e-3) / directions.shape[1] ** 0.5
    bias = -weight @ features.mean(dim=0)
    bias[-1] = _BACKGROUND * _SPREAD
    return {
        "roi_heads.box_predictor.cls_score.weight": weight,
        "roi_heads.box_predictor.cls_score.bias": bias,
    }


def _found(instances) -> list[Found]:
    fields = (
        instances.pred_classes.tolist(),
        instances.scores.tolist(),
        instances.pred_boxes.tensor.numpy(),
        instances.pred_masks.numpy(),
    )
    return [Found(*one) for one in zip(*fields, strict=True)]
