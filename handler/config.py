"""The text of a Detectron2 config -> `CfgNode`, without running anything that stands in it.

Detectron2's own `merge_from_file` falls back to unsafe YAML, so that a config can run code. Here
YAML knows plain values and tuples, and nothing else.
"""

from typing import Any

import yaml
from detectron2.config import CfgNode, get_cfg


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML and Python tuples, which Detectron2's own dumps contain."""


def _tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


_PlainLoader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


def parse_yaml(text: str) -> Any:
    """Parse YAML that may hold plain values and tuples.

    Raises:
        yaml.YAMLError: Not YAML, or a tag that would construct anything else.
    """
    # _PlainLoader is a SafeLoader; it constructs tuples besides and nothing more.
    return yaml.load(text, Loader=_PlainLoader)


def parse_config(text: str) -> CfgNode:
    """Read a config of the installed Detectron2's version, over Detectron2's defaults.

    Args:
        text: What `cfg.dump()` gives.

    Raises:
        yaml.YAMLError: Not YAML, or YAML that would run code.
        ValueError: YAML, but not a mapping of config keys.
        KeyError: A key that Detectron2 does not know.
    """
    values = parse_yaml(text)
    if not isinstance(values, dict):
        raise ValueError(f"A config is a mapping of keys, this is a {type(values).__name__}.")
    config = get_cfg()
    config.merge_from_other_cfg(CfgNode(values))
    return config
