"""The configs of Detectron2's model zoo, and the scale at which they are run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.zoo import CONFIGS

NOT_RUN = {
    "Misc/mmdet_mask_rcnn_R_50_FPN_1x.py": "needs mmdetection, which is no part of Detectron2",
    "Misc/torchvision_imagenet_R_50.py": "classifies images, detects nothing",
    "common/models/mask_rcnn_vitdet.py": "needs timm, which is no part of Detectron2",
}
"""LazyConfigs that an installation of Detectron2 alone cannot turn into a detector, and why."""

_OURS = Path(__file__).with_name("configs")


@dataclass(frozen=True)
class ZooConfig:
    """One config.

    Attributes:
        name: As the model zoo knows it, such as `COCO-Detection/retinanet_R_50_FPN_1x.yaml`.
        path: Its file.
    """

    name: str
    path: Path

    @property
    def kind(self) -> Literal["yacs", "lazy"]:
        """How it is to be read."""
        return "lazy" if self.path.suffix == ".py" else "yacs"


@dataclass(frozen=True)
class Scale:
    """What is made smaller than in the zoo, on both sides of the comparison, to save time.

    Attributes:
        min_size: Pixels that the shorter side of an image is resized to; the zoo's is 800.
        proposals: Regions that a region proposal network hands on; the zoo's are 1000.
        photographs: How many of them are sent.
        overrides: `KEY VALUE ...` for yacs configs besides.
    """

    min_size: int
    proposals: int
    photographs: int = 4
    overrides: tuple[str, ...] = ()

    def of(self, config: ZooConfig, *, has_proposals: bool = True) -> tuple[str, ...]:
        """Overrides for a config, as `python -m export --opts` takes them.

        Args:
            config: Whose.
            has_proposals: Whether its network has a region proposal network. (A yacs config has the
                keys of one in any case.)
        """
        if config.kind == "yacs":
            sizes = ("INPUT.MIN_SIZE_TEST", str(self.min_size))
            regions = ("MODEL.RPN.POST_NMS_TOPK_TEST", str(self.proposals))
            return (*sizes, *regions, *self.overrides)
        size = f"dataloader.test.mapper.augmentations.0.short_edge_length={self.min_size}"
        topk = f"model.proposal_generator.post_nms_topk=[{self.proposals},{self.proposals}]"
        return (size, topk) if has_proposals else (size,)


FULL = Scale(min_size=256, proposals=100)
"""That of `make zoo`."""


def zoo_configs(only: Sequence[str] = ()) -> list[ZooConfig]:
    """All configs that can be run, in alphabetical order.

    Args:
        only: Parts of names, one of which a name has to contain; none for all.
    """
    found = [
        ZooConfig(path.relative_to(CONFIGS).as_posix(), path)
        for path in (*CONFIGS.glob("*/*.yaml"), *CONFIGS.glob("*/*.py"))
        if path.parent.name != "common" and not path.name.startswith(("Base-", "__"))
    ]
    found += [ZooConfig(f"common/models/{path.name}", path) for path in _OURS.glob("*.py")]
    wanted = [one for one in found if not only or any(part in one.name for part in only)]
    return sorted(
        (config for config in wanted if config.name not in NOT_RUN),
        key=lambda config: config.name,
    )
