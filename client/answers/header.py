"""The first line of a journal: what was asked of whom, and since when."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.errors import ClientError

_KIND = "answers of python -m client"
_FORMAT_VERSION = 1

BEGINNING = json.dumps({"kind": _KIND}, separators=(",", ":")).encode()[:-1]
"""Of the line, in every version of the format."""


@dataclass(frozen=True)
class Header:
    """The first line of a journal.

    Attributes:
        settings: What every record has in common.
        about: What else was known when it was begun.
        begun: When that was, in ISO 8601; None where an older client did not write it.
    """

    settings: dict[str, Any]
    about: dict[str, Any] | None
    begun: str | None = None

    def document(self) -> dict[str, Any]:
        """As the line has it."""
        return {
            "kind": _KIND,
            "format_version": _FORMAT_VERSION,
            "settings": self.settings,
            "about": self.about,
            "begun": self.begun,
        }

    @classmethod
    def from_line(cls, line: bytes, path: Path) -> "Header":
        """Read the line.

        Args:
            line: Of the file.
            path: Of the file, for the sentence.

        Raises:
            ClientError: It is something else, or of another format.
        """
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("kind") != _KIND:
            raise ClientError(f"{path} holds something else than answers.")
        if found["format_version"] != _FORMAT_VERSION:
            raise ClientError(
                f"{path} has format version {found['format_version']}; "
                f"accepted is {_FORMAT_VERSION}."
            )
        return cls(found["settings"], found["about"], found.get("begun"))


def header_of(path: Path) -> Header | None:
    """What a journal says of itself; None where there is none yet.

    Args:
        path: Of the file.

    Raises:
        ClientError: It is something else, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            line = file.readline()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error}.") from error
    if not line.endswith(b"\n"):
        return None
    return Header.from_line(line, path)


def refuse_other_settings(before: dict[str, Any], settings: dict[str, Any], path: Path) -> None:
    """Refuse to go on with what another run has begun.

    Args:
        before: Settings of the journal.
        settings: Of the run.
        path: Of the file.

    Raises:
        ClientError: They differ, named.
    """
    # As JSON has them: a tuple comes back as a list.
    wanted = json.loads(json.dumps(settings))
    differences = [
        f"{name} was {before.get(name)!r} and is {wanted.get(name)!r}"
        for name in sorted(before.keys() | wanted.keys())
        if before.get(name) != wanted.get(name)
    ]
    if differences:
        raise ClientError(
            f"{path} holds answers of another run ({'; '.join(differences)}), so this one cannot "
            "go on with it: choose another folder, or --restart, which deletes them."
        )
