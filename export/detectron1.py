"""Configs of Detectron1, the one on Caffe2: recognised, and which of Detectron2 is meant."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from handler.plain_yaml import PlainLoader, parse_yaml

_SECTIONS = {"FAST_RCNN", "MRCNN", "KRCNN"}
"""Of Detectron1's configs alone; most name one of them, and all others `MODEL.CONV_BODY`."""

_FPN, _C4 = r"FPN\.add_fpn_ResNet(50|101|152)_conv5_body", r"ResNet\.add_ResNet(50|101)_conv4_body"
_ZOO = {
    (_FPN, "boxes"): "Detectron1-Comparisons/faster_rcnn_R_50_FPN_noaug_1x.yaml",
    (_FPN, "masks"): "Detectron1-Comparisons/mask_rcnn_R_50_FPN_noaug_1x.yaml",
    (_FPN, "keypoints"): "Detectron1-Comparisons/keypoint_rcnn_R_50_FPN_1x.yaml",
    (_C4, "boxes"): "COCO-Detection/faster_rcnn_R_50_C4_1x.yaml",
    (_C4, "masks"): "COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x.yaml",
}


class _TagBlindLoader(PlainLoader):
    """Reads what Detectron1's `yaml.dump(cfg)` wrote: of objects the values that they hold."""


def _plain(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        values = loader.construct_mapping(node, deep=True)
        return values.get("dictitems", values)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return str(node.value)


_TagBlindLoader.add_multi_constructor("tag:yaml.org,2002:python/object", _plain)
_TagBlindLoader.add_multi_constructor("tag:yaml.org,2002:python/name", _plain)
_TagBlindLoader.add_multi_constructor("tag:yaml.org,2002:python/unicode", _plain)


def read_config(text: str) -> dict[str, Any] | None:
    """The values of a Detectron1 config, as a file or as its `.pkl` have it; None of any other."""
    try:
        values = parse_yaml(text, _TagBlindLoader)
    except yaml.YAMLError:
        return None
    return values if is_detectron1(values) else None


def is_detectron1(values: Any) -> bool:
    """Whether a config's values are those of Detectron1."""
    if not isinstance(values, Mapping):
        return False
    model = _section(values, "MODEL")
    if "META_ARCHITECTURE" in model:
        return False
    return "CONV_BODY" in model or ("TYPE" in model and bool(_SECTIONS & values.keys()))


def way_out(values: Mapping[str, Any]) -> str:
    """A sentence: what to give to an export in the place of a Detectron1 config.

    Args:
        values: Of the config.
    """
    model = _section(values, "MODEL")
    kind, body = model.get("TYPE"), str(model.get("CONV_BODY", ""))
    if kind == "retinanet" or _section(values, "RETINANET").get("RETINANET_ON"):
        return "Detectron2 does not convert the weights of its RetinaNet."
    heads = "masks" if model.get("MASK_ON") else "boxes"
    heads = "keypoints" if model.get("KEYPOINTS_ON") else heads
    is_usual = kind == "generalized_rcnn" and model.get("FASTER_RCNN")
    if is_usual and not _section(values, "FPN").get("USE_GN"):
        for (pattern, kinds), config in _ZOO.items():
            if kinds == heads and (match := re.fullmatch(pattern, body)):
                settings = _settings(values, is_fpn=pattern == _FPN, depth=int(match[1]))
                words = " ".join(f"{key} {value}" for key, value in settings.items())
                return f"Its network is --config-file {config} --opts {words}"
    return (
        "None of the zoo's configs is known to have its network: take the nearest one of "
        "Detectron1-Comparisons, and change what differs."
    )


def _settings(values: Mapping[str, Any], *, is_fpn: bool, depth: int) -> dict[str, Any]:
    """What differs from the zoo's config; where a key is not there, Detectron1's default counts."""
    resnets, test = _section(values, "RESNETS"), _section(values, "TEST")
    settings: dict[str, Any] = {}
    count = _section(values, "MODEL").get("NUM_CLASSES")
    if type(count) is int and count > 1:
        settings["MODEL.ROI_HEADS.NUM_CLASSES"] = count - 1  # it counted the background
    if depth != 50:
        settings["MODEL.RESNETS.DEPTH"] = depth
    if (groups := resnets.get("NUM_GROUPS", 1)) != 1:
        settings["MODEL.RESNETS.NUM_GROUPS"] = groups
        settings["MODEL.RESNETS.WIDTH_PER_GROUP"] = resnets.get("WIDTH_PER_GROUP", 64)
    if not resnets.get("STRIDE_1X1", True):
        settings["MODEL.RESNETS.STRIDE_IN_1X1"] = False
    if not is_fpn:
        settings["MODEL.ROI_BOX_HEAD.POOLER_TYPE"] = "ROIAlign"
    for key, value, usual in (
        ("INPUT.MIN_SIZE_TEST", _scale(test), 800),
        ("INPUT.MAX_SIZE_TEST", test.get("MAX_SIZE", 1000), 1333),
        ("MODEL.ROI_HEADS.NMS_THRESH_TEST", test.get("NMS", 0.3), 0.5),
    ):
        if value != usual:
            settings[key] = value
    settings["MODEL.PIXEL_MEAN"] = "'[102.9801,115.9465,122.7717]'"
    return settings


def _scale(test: Mapping[str, Any]) -> Any:
    """The shorter side in pixels; older configs have a tuple of one, as text."""
    scales = test.get("SCALES")
    if isinstance(scales, str):
        scales = [int(number) for number in re.findall(r"\d+", scales)]
    first = scales[0] if isinstance(scales, (list, tuple)) and scales else 600
    return test.get("SCALE", first)


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}
