"""`--model-config`: TorchServe's settings of a model, checked before a server stumbles over them.

TorchServe passes over what it cannot read, and an empty file takes the whole server down with it.
"""

from pathlib import Path
from typing import Any

import yaml

from handler.settings import SECTION, Settings

# ModelConfig.java of TorchServe 0.12: what it reads, and the kind that it expects.
_KNOWN: dict[str, type] = {
    **dict.fromkeys(
        (
            *("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout"),
            *("startupTimeout", "parallelLevel", "jobQueueSize", "maxRetryTimeoutInSec"),
            *("clientTimeoutInMills", "sequenceMaxIdleMSec", "sequenceTimeoutMSec"),
            *("maxNumSequence", "maxSequenceJobQueueSize"),
        ),
        int,
    ),
    **dict.fromkeys(
        ("useJobTicket", "useVenv", "continuousBatching", "sequenceBatching", "asyncCommunication"),
        bool,
    ),
    **dict.fromkeys(("deviceType", "parallelType"), str),
    "deviceIds": list,
    **dict.fromkeys(("torchrun", "pt2", "handler", "micro_batching", SECTION), dict),
}
_NEEDED = ("responseTimeout", "startupTimeout")


def settings_problems(path: Path) -> list[str]:
    """What is wrong with a `model-config.yaml`, a sentence each."""
    option = f"--model-config {path}"
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        return [f"{option} cannot be read: {error.strerror}."]
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError):
        return [f"{option} is not YAML."]
    if not isinstance(settings, dict) or not settings:
        return [f"{option}: a mapping of keys is expected, this is a {type(settings).__name__}."]
    problems = [
        f"{option}: {problem}" for key in settings for problem in _wrong(key, settings[key])
    ]
    if ("minWorkers" in settings) != ("maxWorkers" in settings):
        problems.append(f"{option}: minWorkers and maxWorkers go together; one alone is not read.")
    problems += [
        f"{option}: {key} is missing, and TorchServe would take 120 seconds whatever "
        "config.properties says."
        for key in _NEEDED
        if key not in settings
    ]
    try:
        Settings.from_model_config(settings)
    except (ValueError, TypeError) as error:
        problems.append(f"{option}: {error}")
    return problems


def _wrong(key: Any, value: Any) -> list[str]:
    kind = _KNOWN.get(key)
    if kind is None:
        return [f"TorchServe knows no key {key!r}; it knows {', '.join(_KNOWN)}."]
    if type(value) is not kind or (isinstance(value, int) and value < 0):
        return [f"{key} is {value!r}; a {kind.__name__} is expected."]
    return []
