"""A staged folder -> one `.mar` with reproducible bytes.

torch-model-archiver lays out the files and writes the manifest. Its own zip differs from run to
run (times of day, order of files), so the zip is written here: sorted, with one fixed time.
"""

import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from export.errors import ExportError
from export.staging import MODEL_CONFIG_FILE
from handler.model import WEIGHTS_FILE

ENTRY_FILE = "detectron2_handler.py"
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # a zip cannot tell an earlier time


def write_archive(staged: Path, destination: Path, *, model_name: str, version: str) -> None:
    """Pack a staged folder; `destination` appears complete or not at all.

    Args:
        staged: Folder that `export.staging.stage` has filled.
        destination: The `.mar` to write; its folder exists. An archive there is replaced.
        model_name: Name that TorchServe serves it under.
        version: Its version.

    Raises:
        ExportError: The archiver failed; its own words are in the message.
    """
    laid_out = _lay_out(staged, staged.parent, model_name=model_name, version=version)
    when = _timestamp()
    manifest_file = laid_out / "MAR-INF" / "MANIFEST.json"
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    manifest["createdOn"] = when.strftime("%d/%m/%Y %H:%M:%S")
    manifest_file.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    packed = staged.parent / "packed.mar"
    _zip(laid_out, packed, when)
    packed.replace(destination)


def _lay_out(staged: Path, scratch: Path, *, model_name: str, version: str) -> Path:
    output, temp = scratch / "laid_out", scratch / "archiver_temp"
    output.mkdir()
    temp.mkdir()
    weights = scratch / WEIGHTS_FILE
    (staged / WEIGHTS_FILE).rename(weights)
    model_config = scratch / MODEL_CONFIG_FILE
    (staged / MODEL_CONFIG_FILE).rename(model_config)
    command = [
        *(sys.executable, "-m", "model_archiver.model_packaging"),
        *("--model-name", model_name),
        *("--version", version),
        *("--handler", str(staged / "handler" / ENTRY_FILE)),
        *("--serialized-file", str(weights)),
        *("--config-file", str(model_config)),
        *("--extra-files", str(staged)),
        *("--export-path", str(output)),
        *("--archive-format", "no-archive"),
    ]
    # The archiver deletes <temp>/<model-name>, whatever that is: it gets a temp of its own.
    finished = subprocess.run(
        command,
        env={**os.environ, "TMPDIR": str(temp)},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise ExportError(f"torch-model-archiver failed:\n{finished.stderr.strip()}")
    return output / model_name


def _timestamp() -> datetime:
    """The time that every entry gets: SOURCE_DATE_EPOCH (reproducible-builds.org) or 1980."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch), tz=UTC) if epoch else _EARLIEST
    return max(when, _EARLIEST)


def _zip(folder: Path, destination: Path, when: datetime) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(destination, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), when.timetuple()[:6])
            entry.external_attr = 0o644 << 16
            # Trained weights do not compress; stored, they are packed and opened at disk speed.
            is_weights = path.name == WEIGHTS_FILE
            entry.compress_type = zipfile.ZIP_STORED if is_weights else zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(1 << 20):
                    target.write(piece)
