"""Why weights do not fit a config, as far as the parts of both tell, and what to change."""

from dataclasses import dataclass

from export.parts import Parts
from handler.metadata import ConfigKind


@dataclass(frozen=True)
class _Number:
    """A number that weights have and a config says.

    Attributes:
        field: Of `Parts`.
        one: What it counts.
        more: The same, in the plural.
        keys: Of configs, by their kind, where one key changes it.
    """

    field: str
    one: str
    more: str
    keys: dict[ConfigKind, str]


_CLASSES = _Number(
    *("classes", "class", "classes"),
    {"yacs": "MODEL.ROI_HEADS.NUM_CLASSES", "lazy": "model.roi_heads.num_classes"},
)
_DENSE_CLASSES = _Number(
    *("classes", "class", "classes"),
    {"yacs": "MODEL.RETINANET.NUM_CLASSES", "lazy": "model.num_classes"},
)
_OTHERS = (
    _Number("depth", "ResNet layer", "ResNet layers", {"yacs": "MODEL.RESNETS.DEPTH"}),
    _Number(
        *("keypoints", "keypoint", "keypoints"),
        {"yacs": "MODEL.ROI_KEYPOINT_HEAD.NUM_KEYPOINTS"},
    ),
    _Number(
        *("semantic_classes", "class of semantic segmentation", "classes of semantic segmentation"),
        {"yacs": "MODEL.SEM_SEG_HEAD.NUM_CLASSES"},
    ),
)
_HEADS: tuple[tuple[str, str, str | None], ...] = (
    ("proposals", "region proposal network", None),
    ("masks", "mask head", "MODEL.MASK_ON"),
    ("keypoints", "keypoint head", "MODEL.KEYPOINT_ON"),
)


def reasons(weights: Parts, config: Parts, kind: ConfigKind) -> list[str]:
    """Say what differs, a sentence each.

    Args:
        weights: What they say of their network.
        config: What the weights of its network say.
        kind: Of the config: which keys it has.
    """
    if config.heads and not weights.heads:
        return [
            "The weights have none of Detectron2's heads: they are a backbone alone, from which a "
            "training starts and which answers nothing, or of another program."
        ]
    theirs, ours = weights.architecture, config.architecture
    if theirs is not None and ours is not None and theirs != ours:
        return [f"The weights look like those of a {theirs}, the config's network is a {ours}."]
    found = []
    if weights.has_fpn != config.has_fpn:
        pair = ("weights have", "config has") if weights.has_fpn else ("config has", "weights have")
        found.append(f"The {pair[0]} a feature pyramid (FPN), the {pair[1]} none.")
    for head, name, key in _HEADS:
        if (head in weights.heads) != (head in config.heads):
            found.append(_head_sentence(name, key, kind, in_weights=head in weights.heads))
    is_dense = ours in ("RetinaNet", "FCOS")
    for number in (_DENSE_CLASSES if is_dense else _CLASSES, *_OTHERS):
        has, says = getattr(weights, number.field), getattr(config, number.field)
        if has is not None and says is not None and has != says:
            key = number.keys.get(kind)
            way = f": --opts {key} {has}" if key else ""
            what = number.one if has == 1 else number.more
            found.append(f"The weights have {has} {what}, the config says {says}{way}.")
    return found


def _head_sentence(name: str, key: str | None, kind: ConfigKind, *, in_weights: bool) -> str:
    pair = ("weights have", "config has") if in_weights else ("config has", "weights have")
    way = f": --opts {key} {in_weights}" if key and kind == "yacs" else ""
    return f"The {pair[0]} a {name}, the {pair[1]} none{way}."
