"""`config.yaml` of an archive, where it holds a `CfgNode` -> the network that it describes."""

from typing import Any

import torch
from detectron2.config import CfgNode, get_cfg
from detectron2.modeling import build_model

from handler.plain_yaml import parse_yaml


def parse_config(text: str) -> CfgNode:
    """Read what `cfg.dump()` gives, over the installed Detectron2's defaults.

    Keys that the installed Detectron2 does not know are kept: they belong to its projects, to
    modules of the model's owner, or to another release.

    Raises:
        yaml.YAMLError: Not YAML, or YAML that would run code.
        ValueError: YAML, but not a mapping of config keys, or a value of the wrong type.
    """
    values: Any = parse_yaml(text)
    if not isinstance(values, dict):
        raise ValueError(f"A config is a mapping of keys, this is a {type(values).__name__}.")
    config = get_cfg()
    config.set_new_allowed(True)
    config.merge_from_other_cfg(CfgNode(values))
    return config


def build_from_config(config: CfgNode, *, device: str) -> torch.nn.Module:
    """Build the network of a config, without weights, on a device such as `cpu` or `cuda:0`."""
    config = config.clone()
    config.defrost()
    config.MODEL.DEVICE = device
    config.freeze()
    network: torch.nn.Module = build_model(config)
    return network
