"""Whether a model that is served now is the one that has answered before."""

from collections.abc import Mapping
from typing import Any

from client.answers.journal import Journal
from client.errors import ClientError
from client.wording import some

_OF_THE_SERVER = "model-config.yaml"
"""Workers and limits: they decide whether there is an answer, not which."""

_PARTS = ("classes", "stuff_classes", "keypoint_names", "precision")
"""What decides answers and is in no file of the archive but `metadata.json`, whose digest is not in
it."""


def is_of_the_same_export(journal: Journal, now: Mapping[str, Any] | None, model: str) -> bool:
    """Hold a journal's description of the model against that of the served one.

    A description that the journal does not have yet is kept in it.

    Args:
        journal: Of an earlier run.
        now: What the served model says of itself (docs/api.md); None where it was not reached.
        model: Its name and version.

    Returns:
        Whether they are known to be of one export.

    Raises:
        ClientError: They differ, and the journal has answers.
    """
    if now is None:
        return False
    before = journal.about
    if before is None or not len(journal):
        journal.describe(now)
        return not len(journal)
    differences = _differences(before, now)
    if differences:
        raise ClientError(
            f"{journal.path} holds answers of {model} as it was before it was exported anew "
            f"({some(differences)} changed), so this run cannot go on with it: choose another "
            "folder (--output), or --restart, which deletes them."
        )
    return journal.is_about_all


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    files = [one.get("files") or {} for one in (before, now)]
    names = sorted((files[0].keys() | files[1].keys()) - {_OF_THE_SERVER})
    # Weights and config first: of an archive of another handler all its files differ.
    names.sort(key=lambda name: name.startswith("handler/"))
    found = [name for name in names if files[0].get(name) != files[1].get(name)]
    return [*(part for part in _PARTS if before.get(part) != now.get(part)), *found]
