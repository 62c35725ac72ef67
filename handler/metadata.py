"""`metadata.json` of an archive: what the model is, written by `export`, read by the worker."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "metadata.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Metadata:
    """What an archive says of its model beyond config and weights.

    Attributes:
        classes: Class names; the position is the `class_id` that the model answers with.
        weights_sha256: Hex digest of the weights file, checked when a worker loads it.
        exported_with: Versions of the packages that the archive was made with, by name.
    """

    classes: tuple[str, ...]
    weights_sha256: str
    exported_with: dict[str, str]

    def to_json(self) -> str:
        """The text of the file, the same for the same content."""
        document = {"format_version": FORMAT_VERSION, **asdict(self)}
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, model_dir: Path) -> "Metadata":
        """Read the file of an opened archive.

        Raises:
            ValueError: Written by a newer export than this handler knows.
        """
        document = json.loads((model_dir / FILE_NAME).read_text(encoding="utf-8"))
        version = document.pop("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(
                f"{FILE_NAME} has format version {version}, this handler reads {FORMAT_VERSION}."
            )
        document["classes"] = tuple(document["classes"])
        return cls(**document)
