"""A LazyConfig -> plain data that a worker can build the network from (`handler.lazy_config`)."""

import dataclasses
import functools
import inspect
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
import yaml
from detectron2.config import LazyConfig
from omegaconf import OmegaConf, SCMode
from omegaconf.errors import OmegaConfBaseException

from export.errors import ExportError
from export.model_config import ModelConfig
from export.text_files import read_text
from handler.lazy_config import MARKS, find_object
from handler.metadata import InputSpec
from handler.plain_yaml import PlainLoader

_THRESHOLDS = ("test_score_thresh", "combine_instances_score_thresh")
_BATCH_NORMS = ("SyncBN", "naiveSyncBN", "naiveSyncBN_N")


class LazyLoader(PlainLoader):
    """Plain YAML, and the tags that `LazyConfig.save` writes, read as data.

    `!!python/object:NAME {...}` becomes `{_target_: NAME, ...}`, `!!python/name:NAME` becomes
    `{_object_: NAME}`; nothing is imported or run.
    """


def _object(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    content = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {"_target_": name, **{str(key): value for key, value in content.items()}}


def _name(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, str]:
    return {"_object_": name}


LazyLoader.add_multi_constructor("tag:yaml.org,2002:python/object:", _object)
LazyLoader.add_multi_constructor("tag:yaml.org,2002:python/name:", _name)


def is_lazy(values: Any) -> bool:
    """Whether parsed values are a LazyConfig's: a model that says by what it is built."""
    model = values.get("model") if isinstance(values, Mapping) else None
    return isinstance(model, Mapping) and "_target_" in model


def check_resolvers(path: Path) -> None:
    """Refuse `${oc.env:NAME}` and the like in a `.yaml`: they read this machine's secrets.

    Raises:
        ExportError: Names what was found.
    """
    found = re.findall(r"\$\{\s*[\w.]+\s*:", read_text(path))
    if found:
        raise ExportError(
            f"--config-file {path} calls {', '.join(sorted(set(found)))}...}}: only references "
            "to other keys are resolved."
        )


def load_python(path: Path) -> dict[str, Any]:
    """Run a LazyConfig's `.py`. It is code by nature and can do whatever its author wants.

    Raises:
        ExportError: It fails, or defines no `model`.
    """
    try:
        config = LazyConfig.load(str(path))
    except (Exception, SystemExit) as error:  # it is a program: it can raise anything
        raise ExportError(
            f"--config-file {path} failed when it was run: {type(error).__name__}: {error}"
        ) from error
    if not is_lazy(config):
        raise ExportError(f"--config-file {path} is not a LazyConfig: it defines no lazy `model`.")
    return {str(key): config[key] for key in config}


def read_lazy(
    path: Path,
    values: dict[str, Any],
    *,
    overrides: Sequence[str],
    score_threshold: float | None,
    owner_modules: Sequence[str],
) -> ModelConfig:
    """Turn a LazyConfig into plain data.

    Args:
        path: Where it comes from, for messages.
        values: Its parts by name: `model`, and often `dataloader`.
        overrides: `KEY VALUE ...` or `KEY=VALUE ...`, such as `model.roi_heads.num_classes 3`.
        score_threshold: Lowest score that is answered, or None.
        owner_modules: Modules that it may name besides those that build networks.

    Raises:
        ExportError: Everything that cannot be written as data or comes from elsewhere.
    """
    resolved = _resolved(path, values, overrides)
    problems: list[str] = []
    model = _encode(resolved["model"], "model", problems)
    _check_names(model, "model", owner_modules, problems)
    spec, warnings = _input_spec(resolved, problems)
    if problems:
        raise ExportError(f"--config-file {path}:", *(f"  {problem}" for problem in problems))
    if score_threshold is not None and not _set_thresholds(model, score_threshold, owner_modules):
        raise ExportError("--score-threshold: no part of the model has a test_score_thresh.")
    return ModelConfig(
        kind="lazy",
        text=yaml.safe_dump(model, sort_keys=True),
        input=spec,
        datasets=_datasets(resolved),
        warnings=warnings,
    )


def _resolved(path: Path, values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Plain containers, overridden, every `${...}` replaced by what it stands for."""
    try:
        config = OmegaConf.create(values, flags={"allow_objects": True})
        if overrides:
            pairs = overrides
            if not all("=" in word for word in overrides):
                if len(overrides) % 2:
                    raise ValueError(f"--opts takes pairs of KEY VALUE, got {len(overrides)} words")
                keys, settings = overrides[::2], overrides[1::2]
                pairs = [f"{key}={value}" for key, value in zip(keys, settings, strict=True)]
            config = LazyConfig.apply_overrides(config, list(pairs))
        parts = {}
        for name in ("model", "dataloader"):
            if name in config:
                parts[name] = OmegaConf.to_container(
                    config[name], resolve=True, structured_config_mode=SCMode.INSTANTIATE
                )
    except (OmegaConfBaseException, ValueError, AssertionError) as error:
        raise ExportError(f"--config-file {path} cannot be resolved: {error}") from error
    return parts


def _encode(value: Any, name: str, problems: list[str]) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return "BN" if "norm" in name.rpartition(".")[2] and value in _BATCH_NORMS else value
    if isinstance(value, Mapping):
        encoded = {str(k): _encode(v, f"{name}.{k}", problems) for k, v in value.items()}
        target = encoded.get("_target_")
        if isinstance(target, dict) and "_object_" in target:  # the class itself, not its name
            encoded["_target_"] = target["_object_"]
        return encoded
    if isinstance(value, (list, tuple)):
        return [_encode(v, f"{name}[{i}]", problems) for i, v in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"_target_": _full_name(type(value)), **_encode(fields, name, problems)}
    if isinstance(value, functools.partial) and not value.args:
        return {
            "_partial_": _full_name(value.func),
            **_encode(value.keywords, name, problems),
        }
    if callable(value) and "<" not in _full_name(value):
        return {"_object_": _full_name(value)}
    if "norm" in name.rpartition(".")[2] and _makes_batch_norm(value):
        return "BN"
    problems.append(
        f"{name} is {value!r}, which cannot be written as data: "
        "use LazyCall, functools.partial with keywords, or a function with a name."
    )
    return None


def _full_name(value: Any) -> str:
    if getattr(value, "__module__", None) == "torch._C._nn":  # where some of them are defined
        return f"torch.nn.functional.{value.__name__}"
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '<nameless>')}"


def _makes_batch_norm(function: Any) -> bool:
    """Whether a function of the number of channels makes some kind of batch norm.

    The zoo's newer baselines have `lambda c: NaiveSyncBatchNorm(c, stats_mode="N")`. At inference
    all of them compute the same.
    """
    try:
        made = cast(Callable[[int], Any], function)(4)
    except Exception:  # somebody's function, asked what it was not made for
        return False
    return isinstance(made, (torch.nn.BatchNorm2d, torch.nn.SyncBatchNorm))


def _check_names(node: Any, name: str, modules: Sequence[str], problems: list[str]) -> None:
    if isinstance(node, dict):
        for mark in MARKS:
            if mark in node:
                try:
                    find_object(node[mark], modules=modules)
                except ValueError as error:
                    problems.append(f"{name}: {error}.")
        for key, value in node.items():
            _check_names(value, f"{name}.{key}", modules, problems)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_names(value, f"{name}[{index}]", modules, problems)


def _set_thresholds(node: Any, threshold: float, modules: Sequence[str]) -> int:
    """Set every score threshold below a node; how many there are."""
    if isinstance(node, list):
        return sum(_set_thresholds(item, threshold, modules) for item in node)
    if not isinstance(node, dict):
        return 0
    below = sum(_set_thresholds(value, threshold, modules) for value in node.values())
    keys = [key for key in _THRESHOLDS if key in _parameters(node, modules)]
    node.update(dict.fromkeys(keys, threshold))
    return below + len(keys)


def _parameters(node: dict[str, Any], modules: Sequence[str]) -> Collection[str]:
    """Names of the parameters of what a part of the model is built by."""
    if "_target_" not in node:
        return ()
    try:
        return inspect.signature(find_object(node["_target_"], modules=modules)).parameters
    except (ValueError, TypeError):  # classes defined in C do not tell
        return ()


def _input_spec(resolved: dict[str, Any], problems: list[str]) -> tuple[InputSpec, tuple[str, ...]]:
    mapper = _section(resolved, "dataloader", "test", "mapper")
    given = mapper.get("image_format") or _section(resolved, "model").get("input_format") or "BGR"
    if given not in ("BGR", "RGB"):
        problems.append(f"image_format is {given!r}; BGR and RGB can be served.")
    channels: Literal["BGR", "RGB"] = "RGB" if given == "RGB" else "BGR"
    model = _section(resolved, "model")
    has_none = "proposal_generator" in model and model["proposal_generator"] is None
    proposal_topk = (mapper.get("precomputed_proposal_topk") or 1000) if has_none else None
    if has_none and (type(proposal_topk) is not int or proposal_topk < 1):
        problems.append(
            f"precomputed_proposal_topk is {proposal_topk!r}; a whole number from 1 on is expected."
        )
    augmentations = mapper.get("augmentations", [])
    steps = augmentations if isinstance(augmentations, list) else []
    resize = [one for one in steps if isinstance(one, dict) and _builds(one, "ResizeShortestEdge")]
    if not resize:
        warning = (
            "The config has no dataloader.test.mapper with a ResizeShortestEdge: images are "
            "resized to 800 pixels, 1333 at most, as Detectron2's zoo does."
        )
        return InputSpec(channels, 800, 1333, proposal_topk), (warning,)
    warnings: tuple[str, ...] = ()
    if len(steps) > 1:
        warnings = ("Of dataloader.test.mapper.augmentations only ResizeShortestEdge is served.",)
    shortest, longest = resize[0].get("short_edge_length", 800), resize[0].get("max_size")
    if isinstance(shortest, list) and shortest:
        shortest = shortest[0]
    longest = sys.maxsize if longest is None else longest  # Detectron2's own default
    if type(shortest) is not int or type(longest) is not int:
        problems.append(
            f"ResizeShortestEdge has short_edge_length {shortest!r} and max_size {longest!r}; "
            "whole numbers are expected."
        )
        return InputSpec(channels, 800, 1333, proposal_topk), ()
    return InputSpec(channels, shortest, longest, proposal_topk), warnings


def _datasets(resolved: dict[str, Any]) -> tuple[str, ...]:
    names = _section(resolved, "dataloader", "test", "dataset").get("names", ())
    return (names,) if isinstance(names, str) else tuple(str(name) for name in names or ())


def _section(values: Any, *names: str) -> dict[str, Any]:
    """A part of nested mappings; an empty one where it is not there."""
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _builds(node: dict[str, Any], class_name: str) -> bool:
    """Whether a part stands for an object of a class, given by its name or by itself."""
    target = node.get("_target_")
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    return str(name).rpartition(".")[2] == class_name
