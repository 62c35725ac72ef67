"""See whether an archive is what `python -m export` made; run nothing of it."""

import codecs
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

# Lines as sha256sum and shasum write them, with a name or without; and as BSD, `sha256sum --tag`
# and openssl do. A backslash in front says that the name has an escape in it.
_DIGEST_LINES = (
    re.compile(r"\\?(?P<hex>[0-9A-Fa-f]{64})(?:[ \t]+\*?(?P<name>.*))?"),
    re.compile(r"\\?SHA(?:2-)?256 ?\((?P<name>.*)\) ?= ?(?P<hex>[0-9A-Fa-f]{64})", re.IGNORECASE),
)
_DIGEST_FILE_BYTES = 1 << 20
_SHOWN = 40


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


def digest_beside(archive: Path) -> str | None:
    """What the file beside an archive says that its sha256 is.

    Read are lines as sha256sum, shasum, openssl and BSD write them, digits alone and capitals
    included, in UTF-8 or, with a byte order mark, UTF-16. Of several lines the archive's counts.

    Returns:
        64 hexadecimal digits in small letters; None where there is no such file.

    Raises:
        ArchiveRefused: There is one, and it cannot be read or says no digest of this archive.
    """
    file = digest_file_of(archive)
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            text = _decoded(opened.read(_DIGEST_FILE_BYTES))
    except OSError as error:
        raise ArchiveRefused(f"{file.name} cannot be read: {error}.") from error
    lines = [line for line in map(str.strip, text.splitlines()) if line and line[0] != "#"]
    every = [match for line in lines for kind in _DIGEST_LINES if (match := kind.fullmatch(line))]
    its = [one for one in every if re.split(r"[/\\]", one["name"] or "")[-1] == archive.name]
    digests = {one["hex"].lower() for one in (every if len(every) == 1 else its)}
    if len(digests) == 1:
        return digests.pop()
    if every:
        said = f"{len(every)} digests, {len(digests) or 'none'} of them of {archive.name}"
    else:
        said = json.dumps(lines[0][:_SHOWN]) if lines else "nothing"
    raise ArchiveRefused(
        f"{file.name} says {said}; the 64 hexadecimal digits of one sha256 are expected, as "
        f"sha256sum {archive.name} > {file.name} writes them."
    )


def identify(path: Path) -> tuple[str, str]:
    """Name and version that an archive's manifest gives; looks at nothing else.

    Raises:
        ArchiveRefused: No manifest can be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error}.") from error
    except Exception as error:  # damaged zips raise what they like: zlib.error, struct.error, ...
        raise ArchiveRefused(f"{path} is damaged, or not an archive: {error!r}.") from error
    model = manifest.get("model") if isinstance(manifest, dict) else None
    if not isinstance(model, dict) or not model.get("modelName"):
        raise ArchiveRefused(
            f'{path} does not verify: its {_MANIFEST} gives no model a name; an object "model" '
            'with "modelName" is expected.'
        )
    return str(model["modelName"]), str(model.get("modelVersion", "1.0"))


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


def _decoded(content: bytes) -> str:
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # PowerShell's `>`
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def _beside(path: Path, sha256: str) -> list[str]:
    try:
        expected = digest_beside(path)
    except ArchiveRefused as error:
        return [f"its sha256 is {sha256}, and {str(error).removesuffix('.')}"]
    if expected in (None, sha256):
        return []
    return [f"its sha256 is {sha256}, and {digest_file_of(path).name} says {expected}"]


def _inside(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if _METADATA not in names:
            return [f"it has no {_METADATA}, so it is not an archive of `python -m export`"]
        expected = _files_of(archive.read(_METADATA))
        if expected is None:
            return [f"its {_METADATA} names no files, so it is not one of `python -m export`"]
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


def _files_of(metadata: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(metadata)
    except ValueError:
        return None
    files = document.get("files") if isinstance(document, dict) else None
    return files if isinstance(files, dict) and files else None


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
