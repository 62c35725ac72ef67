"""See whether an archive is what `python -m export` made; run nothing of it."""

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.models.errors import ArchiveRefused

_MANIFEST = "MAR-INF/MANIFEST.json"
_METADATA = "metadata.json"
_MODEL_CONFIG = "model-config.yaml"
"""TorchServe's settings of the model are its owner's to change after the export."""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Archive:
    """An archive that is whole.

    Attributes:
        path: The file.
        model: Name, as its manifest says.
        version: Likewise.
        sha256: Hex digest of the file.
    """

    path: Path
    model: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


def digest_file_of(archive: Path) -> Path:
    """The file beside an archive that holds its digest, in the format of sha256sum."""
    return archive.with_name(f"{archive.name}.sha256")


def identify(path: Path) -> tuple[str, str]:
    """Name and version that an archive's manifest gives; looks at nothing else.

    Raises:
        ArchiveRefused: No manifest can be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read(_MANIFEST))["model"]
        return str(model["modelName"]), str(model.get("modelVersion", "1.0"))
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error}.") from error
    except Exception as error:  # damaged zips raise what they like: zlib.error, struct.error, ...
        raise ArchiveRefused(f"{path} is damaged, or not an archive: {error!r}.") from error


def verify(path: Path) -> Archive:
    """Hold an archive against the digests that its export wrote beside and into it.

    They show damage and mix-ups. Whoever can write both archive and digests can forge them.

    Raises:
        ArchiveRefused: All that is wrong with it.
    """
    model, version = identify(path)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        problems = [*_beside(path, sha256), *_inside(path)]
    except ArchiveRefused:
        raise
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error}.") from error
    except Exception as error:
        raise ArchiveRefused(f"{path} is damaged: {error!r}.") from error
    for what, value in (("name", model), ("version", version)):
        if not _SAFE.fullmatch(value) or value == "all":
            problems.append(
                f'its {what} is "{value}", where letters, digits and _ . + - are accepted, '
                'the first one a letter or digit, and not the word "all"'
            )
    if problems:
        raise ArchiveRefused(f"{path} does not verify: {'; '.join(problems)}.")
    return Archive(path, model, version, sha256)


def _beside(path: Path, sha256: str) -> list[str]:
    file = digest_file_of(path)
    if not file.is_file():
        return []
    expected = file.read_text(encoding="utf-8", errors="replace").split()[:1]
    if expected == [sha256]:
        return []
    said = expected[0] if expected else "nothing"
    return [f"its sha256 is {sha256}, and {file.name} says {said}"]


def _inside(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if _METADATA not in names:
            return [f"it has no {_METADATA}, so it is not an archive of `python -m export`"]
        expected: dict[str, Any] = json.loads(archive.read(_METADATA))["files"]
        changed = [
            name
            for name, digest in expected.items()
            if name != _MODEL_CONFIG and (name not in names or _digest(archive, name) != digest)
        ]
        added = sorted(set(names) - {*expected, _METADATA})
        if _MODEL_CONFIG in names:
            _digest(archive, _MODEL_CONFIG)  # zipfile holds it against its checksum
    problems = []
    if changed:
        problems.append(f"changed or missing since its export: {', '.join(sorted(changed))}")
    if added:
        problems.append(f"added since its export: {', '.join(added)}")
    return problems


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
