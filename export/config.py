"""Any kind of config, from wherever it is named -> `ModelConfig`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from export import detectron1
from export.errors import ExportError
from export.lazy_config import LazyLoader, check_resolvers, is_lazy, load_python, read_lazy
from export.model_config import ModelConfig
from export.text_files import read_text
from export.yacs_config import read_yacs
from export.yaml_files import load_with_bases
from export.zoo import find_config
from handler.plain_yaml import parse_yaml


def read_model_config(
    argument: str,
    *,
    overrides: Sequence[str] = (),
    score_threshold: float | None = None,
    owner_modules: Sequence[str] = (),
) -> ModelConfig:
    """Read a config.

    Args:
        argument: A file (the text of `cfg.dump()`, a config with `_BASE_`, a LazyConfig as `.py` or
            as the `.yaml` that `LazyConfig.save` writes) or a model-zoo name.
        overrides: `KEY VALUE KEY VALUE ...`, as Detectron2's tools take them.
        score_threshold: Lowest score that is answered, or None for what the config says.
        owner_modules: Imported modules that a LazyConfig may name.

    Raises:
        ExportError: Everything that is wrong with it.
    """
    path = find_config(argument)
    values = load_python(path) if path.suffix == ".py" else _load_yaml(path)
    if is_lazy(values):
        return read_lazy(
            path,
            values,
            overrides=overrides,
            score_threshold=score_threshold,
            owner_modules=owner_modules,
        )
    return read_yacs(path, values, overrides=overrides, score_threshold=score_threshold)


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        values = load_with_bases(path)
        if is_lazy(values):
            check_resolvers(path)
        if detectron1.is_detectron1(values):
            raise _of_detectron1(path, values)
        return values
    except yaml.constructor.ConstructorError as error:
        if (values_of_1 := detectron1.read_config(read_text(path))) is not None:
            raise _of_detectron1(path, values_of_1) from error
        lazy = _load_lazy_yaml(path)
        if lazy is None:
            raise ExportError(
                f"--config-file {path} holds YAML that would run code when loaded, which is "
                f"refused: {error.problem}."
            ) from error
        return lazy


def _of_detectron1(path: Path, values: Mapping[str, Any]) -> ExportError:
    return ExportError(
        f"--config-file {path} is a config of Detectron1, which Detectron2 does not read. "
        f"{detectron1.way_out(values)} (docs/guides/detectron1.md)"
    )


def _load_lazy_yaml(path: Path) -> dict[str, Any] | None:
    """The values of what `LazyConfig.save` wrote, or None where it is no such file."""
    try:
        values = parse_yaml(read_text(path), LazyLoader)
    except yaml.YAMLError:
        return None
    if not is_lazy(values):
        return None
    check_resolvers(path)
    return cast(dict[str, Any], values)
