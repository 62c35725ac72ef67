"""The text of `cfg.dump()` -> the config that the archive will carry."""

from pathlib import Path

import yaml
from detectron2.config import CfgNode

from export.errors import ExportError
from handler.config import parse_config

_THRESHOLD_KEYS = {
    "RetinaNet": ("MODEL.RETINANET.SCORE_THRESH_TEST", "MODEL.RETINANET.NUM_CLASSES"),
}
_ROI_HEADS_KEYS = ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "MODEL.ROI_HEADS.NUM_CLASSES")


def read_config(path: Path) -> CfgNode:
    """Read a config for serving: what ties it to the training machine is cleared.

    Args:
        path: File with the text of `cfg.dump()`.

    Raises:
        ExportError: Unreadable, not YAML, unsafe YAML, or not a config of this Detectron2.
    """
    try:
        config = parse_config(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"--config-file {path} cannot be read: {error}.") from error
    except yaml.constructor.ConstructorError as error:
        raise ExportError(
            f"--config-file {path} holds YAML that would run code when loaded, which is refused: "
            f"{error.problem}."
        ) from error
    except yaml.YAMLError as error:
        raise ExportError(f"--config-file {path} is not YAML: {error}") from error
    except (KeyError, ValueError, AssertionError) as error:
        reason = error.args[0] if error.args else error
        raise ExportError(
            f"--config-file {path} does not fit the installed Detectron2: {reason}"
        ) from error
    config.MODEL.DEVICE = "cpu"
    config.MODEL.WEIGHTS = ""
    config.OUTPUT_DIR = ""
    return config


def set_score_threshold(config: CfgNode, threshold: float) -> None:
    """Set the lowest score that is answered, on the key that this architecture reads."""
    config.merge_from_list([_keys(config)[0], threshold])


def class_count(config: CfgNode) -> int:
    """Number of classes that the config's architecture predicts."""
    node = config
    for name in _keys(config)[1].split("."):
        node = node[name]
    return int(node)


def class_count_key(config: CfgNode) -> str:
    """Name of the config key that `class_count` reads."""
    return _keys(config)[1]


def _keys(config: CfgNode) -> tuple[str, str]:
    return _THRESHOLD_KEYS.get(config.MODEL.META_ARCHITECTURE, _ROI_HEADS_KEYS)
