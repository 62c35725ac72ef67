"""A `CfgNode` config, of any age and from anywhere -> the config that an archive carries."""

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from detectron2.config import CfgNode, get_cfg
from detectron2.config.compat import downgrade_config, guess_version, upgrade_config

from export.errors import ExportError
from export.model_config import ModelConfig
from handler.metadata import InputSpec
from handler.registering import import_registering

# Name of each of Detectron2's projects and of the function that adds its keys to a config.
PROJECTS = {
    "detectron2.projects.point_rend": "add_pointrend_config",
    "detectron2.projects.deeplab": "add_deeplab_config",
    "detectron2.projects.panoptic_deeplab": "add_panoptic_deeplab_config",
}

_ROI_HEADS = ("MODEL.ROI_HEADS.SCORE_THRESH_TEST",)
_THRESHOLDS = {
    "GeneralizedRCNN": _ROI_HEADS,
    "PanopticFPN": (*_ROI_HEADS, "MODEL.PANOPTIC_FPN.COMBINE.INSTANCES_CONFIDENCE_THRESH"),
    "RetinaNet": ("MODEL.RETINANET.SCORE_THRESH_TEST",),
    "ProposalNetwork": (),
    "SemanticSegmentor": (),
    "PanopticDeepLab": (),
}


def read_yacs(
    path: Path,
    values: dict[str, Any],
    *,
    overrides: Sequence[str],
    score_threshold: float | None,
) -> ModelConfig:
    """Fit a config's values into the installed Detectron2's keys.

    Args:
        path: Where they come from, for messages.
        values: The parsed file.
        overrides: `KEY VALUE ...`.
        score_threshold: Lowest score that is answered, or None.

    Raises:
        ExportError: Values of the wrong kind and keys that cannot be overridden, all of them.
    """
    config, projects = _with_projects(values)
    unknown: list[str] = []
    problems: list[str] = []
    config = _filled(config, values, unknown, problems)
    problems += _override(config, overrides)
    if score_threshold is not None and not problems:
        problems += _set_threshold(config, score_threshold)
    if not problems and config.INPUT.FORMAT not in ("BGR", "RGB"):
        problems.append(f"INPUT.FORMAT is {config.INPUT.FORMAT!r}; BGR and RGB can be served.")
    if problems:
        raise ExportError(f"--config-file {path}:", *(f"  {problem}" for problem in problems))
    datasets = tuple(
        str(name) for names in (config.DATASETS.TEST, config.DATASETS.TRAIN) for name in names or ()
    )
    _clear(config)
    warnings = []
    if unknown:
        warnings.append(
            f"Keys that the installed Detectron2 does not know, kept as they are: "
            f"{', '.join(unknown)}."
        )
    return ModelConfig(
        kind="yacs",
        text=config.dump(),
        input=InputSpec(
            channels=config.INPUT.FORMAT,
            min_size=config.INPUT.MIN_SIZE_TEST,
            max_size=config.INPUT.MAX_SIZE_TEST,
            proposal_topk=_proposal_topk(config),
        ),
        projects=projects,
        datasets=datasets,
        warnings=tuple(warnings),
    )


def _proposal_topk(config: CfgNode) -> int | None:
    if config.MODEL.PROPOSAL_GENERATOR.NAME != "PrecomputedProposals":
        return None
    topk: int = config.DATASETS.PRECOMPUTED_PROPOSAL_TOPK_TEST
    return topk


def _with_projects(values: dict[str, Any]) -> tuple[CfgNode, tuple[str, ...]]:
    """Detectron2's defaults with the keys of those projects that the values belong to."""
    known = _leaves(get_cfg())
    wanted = _leaves(values) - known
    projects: list[str] = []
    config = get_cfg()
    for module, function in PROJECTS.items():
        add_keys: Callable[[CfgNode], None] = getattr(import_registering(module), function)
        extended = get_cfg()
        add_keys(extended)
        if wanted & (_leaves(extended) - known):
            add_keys(config)
            projects.append(module)
    return config, tuple(projects)


def _leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for key, value in node.items():
        name = f"{prefix}{key}"
        found |= _leaves(value, f"{name}.") if isinstance(value, dict) and value else {name}
    return found


def _filled(
    config: CfgNode, values: dict[str, Any], unknown: list[str], problems: list[str]
) -> CfgNode:
    """The config with the values, brought to the present version of its keys."""
    try:
        version = values.get("VERSION") or guess_version(CfgNode(_plain(values)), "the config")
        if version not in (1, 2):
            raise ExportError(f"VERSION is {version!r}; Detectron2 knows 1 and 2.")
        if version == config.VERSION:
            _fill(config, values, "", unknown, problems)
            return config
        old = downgrade_config(config, to_version=version)
        _fill(old, values, "", unknown, problems)
        return upgrade_config(old)
    except (KeyError, AttributeError, TypeError, AssertionError) as error:
        raise ExportError(f"The config is not one of Detectron2: {error!r}.") from error


def _fill(
    config: CfgNode,
    values: dict[str, Any],
    prefix: str,
    unknown: list[str],
    problems: list[str],
) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in config:
            unknown.append(name)
            config[str(key)] = _as_node(_plain(value))
        elif isinstance(config[key], CfgNode):
            if isinstance(value, dict):
                _fill(config[key], value, f"{name}.", unknown, problems)
            else:
                problems.append(f"{name} is {value!r}; a section with keys is expected.")
        else:
            config[key] = _like(_decode(value), config[key], name, problems)


def _plain(value: Any) -> Any:
    """A value of the kinds that a CfgNode may hold; dates and the like become text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _as_node(value: Any) -> Any:
    return CfgNode(value) if isinstance(value, dict) else value


def _decode(value: Any) -> Any:
    """What yacs makes of text: `"(800, 832)"` is a tuple, `"1e-3"` a number."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value


def _like(value: Any, current: Any, name: str, problems: list[str]) -> Any:
    """The value, as the kind that the default is of."""
    value = _plain(value)
    is_same = type(value) is type(current)
    if is_same or (value is None and not isinstance(current, (int, float, list, tuple))):
        return value
    if current is None and not isinstance(value, dict):
        return value
    if isinstance(value, (list, tuple)) and isinstance(current, (list, tuple)):
        return type(current)(value)
    if isinstance(current, float) and type(value) is int:
        return float(value)
    if isinstance(current, str) and not isinstance(value, dict):
        return str(value)
    expected = "plain value" if current is None else type(current).__name__
    problems.append(f"{name} is {value!r}; a {expected} is expected.")
    return current


def _override(config: CfgNode, overrides: Sequence[str]) -> list[str]:
    if len(overrides) % 2:
        return [f"--opts takes pairs of KEY VALUE, got {len(overrides)} words."]
    problems: list[str] = []
    for name, value in zip(overrides[::2], overrides[1::2], strict=True):
        *sections, key = name.split(".")
        node: Any = config
        for section in sections:
            node = node.get(section) if isinstance(node, CfgNode) else None
        if not isinstance(node, CfgNode) or key not in node or isinstance(node[key], CfgNode):
            problems.append(f"--opts {name}: there is no such key.")
        else:
            node[key] = _like(_decode(value), node[key], f"--opts {name}", problems)
    return problems


def _set_threshold(config: CfgNode, threshold: float) -> list[str]:
    names = _THRESHOLDS.get(config.MODEL.META_ARCHITECTURE, _ROI_HEADS)
    if not names:
        return [f"--score-threshold: {config.MODEL.META_ARCHITECTURE} answers without scores."]
    return _override(config, [word for name in names for word in (name, repr(threshold))])


def _clear(config: CfgNode) -> None:
    """Remove what only the training had a use for."""
    config.MODEL.DEVICE = "cpu"
    config.MODEL.WEIGHTS = ""
    config.OUTPUT_DIR = ""
    _plain_batch_norm(config)


def _plain_batch_norm(node: CfgNode) -> None:
    # At inference, synchronised batch norms compute what plain ones do, and need no process group.
    for key, value in node.items():
        if isinstance(value, CfgNode):
            _plain_batch_norm(value)
        elif key.endswith("NORM") and value in ("SyncBN", "naiveSyncBN", "naiveSyncBN_N"):
            node[key] = "BN"
