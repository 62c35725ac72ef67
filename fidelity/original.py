"""A config as Detectron2 itself reads it: its network, its input, its answer. Nothing of ours."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import LazyConfig, get_cfg, instantiate
from detectron2.data import DatasetMapper
from detectron2.engine import DefaultPredictor
from detectron2.modeling import build_model
from detectron2.structures import BoxMode

from fidelity.photographs import Photograph
from fidelity.zoo import Scale, ZooConfig
from handler.operators import install_missing

Predict = Callable[[Photograph], dict[str, Any]]


@dataclass(frozen=True)
class Original:
    """A config of the zoo, scaled.

    Attributes:
        zoo_config: Where it comes from.
        config: A CfgNode or a LazyConfig's DictConfig.
        overrides: What was changed in it, as `python -m export --opts` takes it.
    """

    zoo_config: ZooConfig
    config: Any
    overrides: tuple[str, ...]

    @classmethod
    def read(cls, zoo_config: ZooConfig, scale: Scale) -> "Original":
        """Read a config with Detectron2's own functions."""
        # Without its compiled extension, Detectron2 cannot build deformable convolutions.
        install_missing()
        if zoo_config.kind == "yacs":
            config = get_cfg()
            config.merge_from_file(str(zoo_config.path))
            overrides = scale.of(zoo_config)
            config.merge_from_list([*overrides, "MODEL.DEVICE", "cpu"])
            return cls(zoo_config, config, overrides)
        config = LazyConfig.load(str(zoo_config.path))
        overrides = scale.of(zoo_config, has_proposals="proposal_generator" in config.model)
        return cls(zoo_config, LazyConfig.apply_overrides(config, list(overrides)), overrides)

    @property
    def needs_proposals(self) -> bool:
        """Whether the network finds no proposals of its own (Fast R-CNN)."""
        return self.zoo_config.kind == "yacs" and bool(self.config.MODEL.LOAD_PROPOSALS)

    def build(self) -> torch.nn.Module:
        """The network without weights, on the CPU, in evaluation mode."""
        is_yacs = self.zoo_config.kind == "yacs"
        network: torch.nn.Module = (
            build_model(self.config) if is_yacs else instantiate(self.config.model)
        )
        return network.eval()

    def input_of(self, photograph: Photograph) -> dict[str, Any]:
        """What Detectron2's evaluation hands to the network: by the config's own mapper."""
        if self.zoo_config.kind == "yacs":
            mapper = DatasetMapper(self.config, is_train=False)
        else:
            mapper = instantiate(self.config.dataloader.test.mapper)
        height, width = photograph.image_bgr.shape[:2]
        entry: dict[str, Any] = {
            "file_name": str(photograph.path),
            "height": height,
            "width": width,
        }
        if self.needs_proposals:
            entry["proposal_boxes"] = photograph.proposals_xyxy
            entry["proposal_objectness_logits"] = photograph.objectness
            entry["proposal_bbox_mode"] = BoxMode.XYXY_ABS
        prepared: dict[str, Any] = mapper(entry)
        return prepared

    def predictor(self, weights: Path) -> tuple[str, Predict]:
        """Name of what Detectron2 answers with, and a function that gives its answer.

        Args:
            weights: A checkpoint.
        """
        if self.zoo_config.kind == "yacs" and not self.needs_proposals:
            config = self.config.clone()
            config.MODEL.WEIGHTS = str(weights)
            default_predictor = DefaultPredictor(config)
            name = f"DefaultPredictor{_with_ours(default_predictor.model)}"
            return name, lambda photograph: default_predictor(photograph.image_bgr)
        network = self.build()
        DetectionCheckpointer(network).load(str(weights))

        def predict(photograph: Photograph) -> dict[str, Any]:
            with torch.no_grad():
                outputs: list[dict[str, Any]] = network([self.input_of(photograph)])
            return outputs[0]

        return f"the model called directly{_with_ours(network)}", predict


def _with_ours(network: torch.nn.Module) -> str:
    """Says so where a network runs operators of ours because Detectron2's were not compiled."""
    ours = any(type(one).__module__.startswith("handler.operators") for one in network.modules())
    return ", with our operators" if ours else ""
