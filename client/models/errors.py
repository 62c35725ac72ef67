"""Why a version is not served.

ArchiveRefused (the file is not what was exported), StoreError (the model store cannot be read or
changed) and RolloutRefused (a gate is closed, the old version serves on) are ClientErrors.
"""

from client.errors import ClientError


class ArchiveRefused(ClientError):
    """An archive is damaged, changed, or not one of `python -m export`."""


class StoreError(ClientError):
    """The model store cannot be read or changed as it was asked to."""


class RolloutRefused(ClientError):
    """A new version has not passed a gate, and is gone again; the old one serves on.

    Attributes:
        gate: `load`, `answers`, `agreement`, `speed` or `switch`.
    """

    def __init__(self, gate: str, message: str) -> None:
        super().__init__(message)
        self.gate = gate
