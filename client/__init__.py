"""What runs beside the caller: talks HTTP to a server, needs neither torch nor Detectron2.

from client import Detector

found = Detector("http://127.0.0.1:8080", "pets").predict("cat.jpg")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client.detector import Detector, Outcome
    from client.errors import ClientError, RequestRefused, ServerUnreachable
    from client.patience import Patience
    from client.predictions import Predictions
    from client.question import Options

_HOMES = {
    "ClientError": "client.errors",
    "Detector": "client.detector",
    "Options": "client.question",
    "Outcome": "client.detector",
    "Patience": "client.patience",
    "Predictions": "client.predictions",
    "RequestRefused": "client.errors",
    "ServerUnreachable": "client.errors",
}

__all__ = [
    "ClientError",
    "Detector",
    "Options",
    "Outcome",
    "Patience",
    "Predictions",
    "RequestRefused",
    "ServerUnreachable",
]


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: a health check does not wait for OpenCV.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
