"""A config's YAML file, and the files that its `_BASE_` names -> one mapping of plain values."""

from pathlib import Path
from typing import Any

import yaml

from export.errors import ExportError
from export.text_files import read_text
from handler.plain_yaml import PlainLoader, parse_yaml

BASE = "_BASE_"

_ZOO_ANCHORS = "[[x, x * 2**(1.0/3), x * 2**(2.0/3) ] for x in [32, 64, 128, 256, 512 ]]"


class _ConfigLoader(PlainLoader):
    """Plain YAML, and the one expression that Detectron2's own Base-RetinaNet.yaml evaluates."""


def _known_expression(loader: yaml.SafeLoader, node: yaml.Node) -> list[list[float]]:
    words = loader.construct_sequence(node)  # type: ignore[arg-type]
    if words != [_ZOO_ANCHORS]:
        raise yaml.constructor.ConstructorError(
            problem=f"could not determine a constructor for the tag '{node.tag}'"
        )
    return [[x, x * 2 ** (1.0 / 3), x * 2 ** (2.0 / 3)] for x in (32, 64, 128, 256, 512)]


_ConfigLoader.add_constructor("tag:yaml.org,2002:python/object/apply:eval", _known_expression)


def is_tag_error(error: yaml.constructor.ConstructorError) -> bool:
    """Whether it is a tag that was refused, and not a value that cannot be read."""
    return "could not determine a constructor for the tag" in str(error.problem)


def load_with_bases(path: Path, _above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a YAML file and the files that its `_BASE_` names, its own keys winning.

    Args:
        path: The file; bases are relative to it.

    Raises:
        yaml.constructor.ConstructorError: YAML that would construct more than plain values.
        ExportError: Unreadable, not YAML, not a mapping, or bases that go in a circle.
    """
    if path.resolve() in _above:
        raise ExportError(f"--config-file {path}: its {BASE} leads back to itself.")
    try:
        values = parse_yaml(read_text(path), _ConfigLoader)
    except OSError as error:
        raise ExportError(f"--config-file {path} cannot be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise ExportError(
            f"--config-file {path} cannot be read: it is no text in UTF-8 or UTF-16 ({error})."
        ) from error
    except yaml.constructor.ConstructorError as error:
        if is_tag_error(error):
            raise
        raise ExportError(f"--config-file {path} is not YAML of a config: {error}") from error
    except yaml.YAMLError as error:
        raise ExportError(f"--config-file {path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ExportError(
            f"--config-file {path} is not a config: a mapping of keys is expected, this is a "
            f"{type(values).__name__}."
        )
    given = values.pop(BASE, [])
    bases = [given] if isinstance(given, str) else given
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ExportError(f"--config-file {path}: {BASE} is {given!r}; a path is expected.")
    merged: dict[str, Any] = {}
    for base in bases:
        above = (*_above, path.resolve())
        _merge(load_with_bases(path.parent / Path(base).expanduser(), above), merged)
    _merge(values, merged)
    return merged


def _merge(source: dict[str, Any], target: dict[str, Any]) -> None:
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(value, target[key])
        else:
            target[key] = value
