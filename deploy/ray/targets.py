"""The path of a request -> what it asks for: the paths that TorchServe has."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote


class Purpose(Enum):
    """What a path is for."""

    PREDICT = "predict"
    PING = "ping"
    LIST_MODELS = "list"
    DESCRIBE = "describe"


@dataclass(frozen=True)
class Target:
    """What a request asks for.

    Attributes:
        purpose: What is wanted.
        model: Of whom; empty where no model is meant.
        version: Of it; None is the default version, `all` is all where they are described.
    """

    purpose: Purpose
    model: str = ""
    version: str | None = None


def target_of(path: str) -> Target | None:
    """Read a path.

    Args:
        path: As it was sent, percent-encoded, without its query.

    Returns:
        None where no request of any kind goes to that path.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    match parts:
        case ["ping"]:
            return Target(Purpose.PING)
        case ["models"]:
            return Target(Purpose.LIST_MODELS)
        case ["models", model]:
            return Target(Purpose.DESCRIBE, model)
        case ["models", model, version]:
            return Target(Purpose.DESCRIBE, model, version)
        case ["predictions", model] if model:
            return Target(Purpose.PREDICT, model)
        case ["predictions", model, version, *_] if model:
            # TorchServe passes on what follows the version as a header; our handler has none.
            return Target(Purpose.PREDICT, model, version)
        case ["v1", "models", named] if named.endswith(":predict"):
            return Target(Purpose.PREDICT, named.removesuffix(":predict"))
        case ["v2", "models", model, "infer"] if model:
            return Target(Purpose.PREDICT, model)
    return None
