"""YAML that holds plain values and tuples, and can never run code.

Detectron2's own `merge_from_file` and `LazyConfig.load` fall back to unsafe YAML, so that a config
can run code when it is read.
"""

from typing import Any

import yaml

MAX_DEPTH = 60


class PlainLoader(yaml.SafeLoader):
    """Safe YAML and Python tuples, which Detectron2's own dumps contain."""


def _tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


PlainLoader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


def parse_yaml(text: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Parse YAML that may hold plain values and tuples.

    Args:
        text: The text.
        loader: A loader that knows more tags, and constructs plain values of them.

    Raises:
        yaml.YAMLError: Not YAML, a tag that would construct anything else, or an alias that leads
            back to itself.
    """
    try:
        # PlainLoader is a SafeLoader; it constructs tuples besides and nothing more.
        value = yaml.load(text, Loader=loader)
        _check_depth(value, MAX_DEPTH)
    except (
        ValueError,
        RecursionError,
        OverflowError,
    ) as error:  # dates that are none, and the like
        raise yaml.YAMLError(f"a value that cannot be read: {error}") from error
    return value


def _check_depth(value: Any, levels: int) -> None:
    if not levels:
        raise yaml.YAMLError(f"more than {MAX_DEPTH} levels deep, or an alias of what it is in")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, levels - 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_depth(item, levels - 1)
