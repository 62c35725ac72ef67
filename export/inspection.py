"""Says what an archive holds and whether it is whole, and runs nothing of it."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.models.archive import digest_beside, digest_file_of
from client.models.errors import ArchiveRefused
from export.errors import ExportError
from export.wording import class_list, megabytes
from handler.layout import MANIFEST_FILE, METADATA_FILE, MODEL_CONFIG_FILE, WEIGHTS_FILE
from handler.metadata import Metadata


@dataclass(frozen=True)
class Inspection:
    """What was found in an archive.

    Attributes:
        archive: The file.
        sha256: Its hex digest.
        model_name: As the manifest says.
        version: As the manifest says.
        metadata: What `export` wrote.
        sizes: Bytes of each file in it, opened.
        changed: Files that are not as they were exported, missing ones included.
        added: Files that `export` did not write.
        sidecar: Whether `NAME.mar.sha256` agrees; None where it is not there.
    """

    archive: Path
    sha256: str
    model_name: str
    version: str
    metadata: Metadata
    sizes: dict[str, int]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    sidecar: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was exported, but for TorchServe's settings of the model."""
        return (
            not self.added
            and set(self.changed) <= {MODEL_CONFIG_FILE}
            and (self.sidecar is not False)
        )

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "archive": str(self.archive),
            "sha256": self.sha256,
            "model_name": self.model_name,
            "version": self.version,
            "is_whole": self.is_whole,
            "changed": list(self.changed),
            "added": list(self.added),
            "sidecar": self.sidecar,
            "sizes": self.sizes,
            "metadata": json.loads(self.metadata.to_json()),
        }


def is_archive(path: Path) -> bool:
    """Whether a file is an archive, or is called one; weights saved by torch are zips as well."""
    if path.suffix == ".mar":
        return True
    try:
        with zipfile.ZipFile(path) as opened:
            return MANIFEST_FILE in opened.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def inspect(path: Path) -> Inspection:
    """Look into an archive.

    Raises:
        ExportError: Not an archive, damaged, or not made by this project; or the file beside it
            says no digest.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(MANIFEST_FILE))
            metadata = Metadata.from_json(archive.read(METADATA_FILE).decode("utf-8"))
            found = {
                entry.filename: _digest(archive, entry)
                for entry in archive.infolist()
                if entry.filename != METADATA_FILE
            }
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        model = manifest["model"]
        name, version = str(model["modelName"]), str(model["modelVersion"])
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error}.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise ExportError(
            f"{path} is damaged, or not an archive of `python -m export`: {error}"
        ) from error
    except Exception as error:  # damaged zips raise what they like: zlib.error, struct.error, ...
        raise ExportError(f"{path} is damaged: {error!r}") from error
    expected = metadata.files
    return Inspection(
        archive=path,
        sha256=sha256,
        model_name=name,
        version=version,
        metadata=metadata,
        sizes=sizes,
        changed=tuple(sorted(n for n, digest in expected.items() if found.get(n) != digest)),
        added=tuple(sorted(found.keys() - expected.keys())),
        sidecar=_sidecar_agrees(path, sha256),
    )


def describe(found: Inspection) -> str:
    """Say it to people."""
    metadata = found.metadata
    weights, total = found.sizes.get(WEIGHTS_FILE, 0), sum(found.sizes.values())
    verified = metadata.verification.get("sentence", "not verified")
    lines = [
        f"{found.archive}: {found.model_name} {found.version}",
        f"  network    {metadata.architecture}, answers with {', '.join(metadata.outputs)}",
        f"  classes    {class_list(metadata)}",
        f"  input      {metadata.input.channels}, shorter side {metadata.input.min_size}, "
        f"longer side at most {metadata.input.max_size} pixels",
        f"  weights    {megabytes(weights)}; all files {megabytes(total)}",
        f"  verified   {verified}",
        f"  made with  {', '.join(f'{k} {v}' for k, v in metadata.exported_with.items())}",
        f"  sha256     {found.sha256}",
    ]
    if (spec := metadata.detection) is not None:
        most = "" if spec.max_detections is None else f", at most {spec.max_detections} an image"
        lines.insert(4, f"  detection  scores from {spec.score_threshold:g}{most}")
    if metadata.owner_modules:
        lines.insert(-3, f"  modules    {', '.join(metadata.owner_modules)} (code of its owner)")
    if found.changed:
        lines.append(f"  CHANGED since its export: {', '.join(found.changed)}")
    if found.added:
        lines.append(f"  ADDED since its export: {', '.join(found.added)}")
    if found.sidecar is False:
        lines.append(f"  {digest_file_of(found.archive).name} holds ANOTHER digest")
    lines.append(f"  {'whole' if found.is_whole else 'NOT WHOLE'}")
    return "\n".join(lines)


def _digest(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with archive.open(entry) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sidecar_agrees(path: Path, sha256: str) -> bool | None:
    try:
        expected = digest_beside(path)
    except ArchiveRefused as error:
        raise ExportError(f"{path}: {error}") from error
    return None if expected is None else expected == sha256
