"""YAML that holds plain values and tuples, and can never run code.

Detectron2's own `merge_from_file` and `LazyConfig.load` fall back to unsafe YAML, so that a config
can run code when it is read.
"""

from typing import Any

import yaml


class PlainLoader(yaml.SafeLoader):
    """Safe YAML and Python tuples, which Detectron2's own dumps contain."""


def _tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


PlainLoader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


def parse_yaml(text: str) -> Any:
    """Parse YAML that may hold plain values and tuples.

    Raises:
        yaml.YAMLError: Not YAML, or a tag that would construct anything else.
    """
    # PlainLoader is a SafeLoader; it constructs tuples besides and nothing more.
    return yaml.load(text, Loader=PlainLoader)
