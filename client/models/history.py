"""Which versions of a model were the default, in their order: what `rollback` goes by."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from client.models.files import in_sentences, write


@dataclass(frozen=True)
class History:
    """A record of one model's defaults; a model that has none has no history.

    Attributes:
        file: `{"defaults": ["1.0", "2.0"]}`, the last one last.
    """

    file: Path

    @property
    def defaults(self) -> list[str]:
        """Which versions were the default, the last one last; none where that cannot be read."""
        return self._read()[0]

    @property
    def problem(self) -> str | None:
        """A sentence where there is a record that cannot be read."""
        return self._read()[1]

    def before(self, version: str) -> str | None:
        """The version that was the default before this one, or None."""
        versions = self.defaults
        if version in versions:  # else the record is one step behind
            versions = _until(versions, version)[:-1]
        return versions[-1] if versions else None

    def record_rollout(self, old: str | None, new: str) -> None:
        """Remember which version takes the place of which; to be done before it is done.

        Raises:
            StoreError: It cannot be written.
        """
        versions = self.defaults
        if old is not None:
            # What stands after it was recorded and then not done.
            versions = _until(versions, old) if old in versions else [*versions, old]
        self._write([*versions, new])

    def record_rollback(self, target: str) -> None:
        """Forget what came after a version.

        Raises:
            StoreError: It cannot be written.
        """
        versions = self.defaults
        self._write(_until(versions, target) if target in versions else [target])

    def text(self) -> str | None:
        """The file as it is, to be put back; None where there is none or it cannot be read."""
        with contextlib.suppress(OSError, UnicodeError):
            return self.file.read_text(encoding="utf-8")
        return None

    def put_back(self, text: str | None) -> None:
        """Let the file say again what it said.

        Raises:
            StoreError: It cannot be written.
        """
        if text == self.text():
            return
        with in_sentences():
            if text is None:
                self.file.unlink(missing_ok=True)
            else:
                write(self.file, text)

    def _read(self) -> tuple[list[str], str | None]:
        try:
            versions = json.loads(self.file.read_text(encoding="utf-8"))["defaults"]
            if isinstance(versions, list):
                return [str(version) for version in versions], None
            found: object = f'"defaults" is {json.dumps(versions)[:40]}'
        except FileNotFoundError:
            return [], None
        except (OSError, ValueError, KeyError, TypeError) as error:
            found = repr(error)
        return [], (
            f"{self.file} is not a record of versions ({found}; an object with a list "
            '"defaults" is expected), so which version was the default before is not known: '
            "`rollback --to` names one."
        )

    def _write(self, versions: list[str]) -> None:
        with in_sentences():
            if self.problem:
                self.file.replace(self.file.with_name(f"{self.file.name}.aside"))
            write(self.file, json.dumps({"defaults": versions}, indent=2) + "\n")


def _until(versions: list[str], version: str) -> list[str]:
    """The versions up to the last one of these."""
    return versions[: len(versions) - versions[::-1].index(version)]
