"""Why a version is not served.

ArchiveRefused (the file is not what was exported), StoreError (the model store cannot be read or
changed), RolloutRefused (a gate is closed, the old version serves on) and UndoFailed (what was
begun could not be undone) are ClientErrors.
"""

from collections.abc import Sequence

from client.errors import ClientError


class ArchiveRefused(ClientError):
    """An archive is damaged, changed, or not one of `python -m export`."""


class StoreError(ClientError):
    """The model store cannot be read or changed as it was asked to."""


class RolloutRefused(ClientError):
    """A new version has not passed a gate, and is gone again; the old one serves on.

    Attributes:
        gate: `load`, `answers`, `agreement`, `speed`, `conditions` or `switch`.
    """

    def __init__(self, gate: str, message: str) -> None:
        super().__init__(message)
        self.gate = gate


class UndoFailed(ClientError):
    """Something went wrong, and so did going back: `list` says what is served now."""

    def __init__(self, cause: str, problems: Sequence[str]) -> None:
        super().__init__(
            f"{cause} Going back failed as well: {' '.join(problems)} `list` says what is served "
            "now."
        )
