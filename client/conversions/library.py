"""Libraries that a caller may have."""

import importlib
from types import ModuleType


def require(module: str, wanted_by: str, hint: str) -> ModuleType:
    """Import a library that is not among the client's own.

    Args:
        module: Its name.
        wanted_by: The method that needs it.
        hint: How to get it.

    Raises:
        ImportError: It is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{wanted_by} needs {module}, which is not installed: {hint}.") from error
