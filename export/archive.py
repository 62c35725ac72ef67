"""A staged folder -> one `.mar` with reproducible bytes.

torch-model-archiver lays out the files and writes the manifest. Its own zip differs from run to
run (times of day, order of files), so the zip is written here: sorted, with one fixed time.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path

from export.errors import ExportError
from handler.layout import (
    ENTRY_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    MODEL_CONFIG_FILE,
    WEIGHTS_FILE,
    sha256_of,
)

_PIECE = 1 << 20
"""Bytes of a file that are in memory at a time: weights are gigabytes."""

# A zip cannot tell an earlier or a later time.
_EARLIEST, _LATEST = (
    datetime(1980, 1, 1, tzinfo=timezone.utc),
    datetime(2107, 12, 31, tzinfo=timezone.utc),
)


def lay_out(staged: Path, *, model_name: str, version: str) -> Path:
    """Let torch-model-archiver arrange a staged folder as TorchServe wants it.

    Args:
        staged: Folder that `export.staging.stage` has filled; its weights are moved out of it.
        model_name: Name that TorchServe serves the model under.
        version: Its version.

    Returns:
        A folder beside the staged one, with the manifest.

    Raises:
        ExportError: The archiver failed; its own words are in the message.
    """
    scratch = staged.parent
    output, temp = scratch / "laid_out", scratch / "archiver_temp"
    output.mkdir()
    temp.mkdir()
    weights, model_config = scratch / WEIGHTS_FILE, scratch / MODEL_CONFIG_FILE
    (staged / WEIGHTS_FILE).rename(weights)
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
    laid_out = output / model_name
    manifest_file = laid_out / MANIFEST_FILE
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    manifest["createdOn"] = _timestamp().strftime("%d/%m/%Y %H:%M:%S")
    manifest_file.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return laid_out


def digests(laid_out: Path) -> dict[str, str]:
    """Hex sha256 of every file of a laid-out folder, but for the metadata that will hold them."""
    return {
        path.relative_to(laid_out).as_posix(): sha256_of(path)
        for path in sorted(laid_out.rglob("*"))
        if path.is_file() and path != laid_out / METADATA_FILE
    }


def pack(laid_out: Path, destination: Path) -> None:
    """Write a laid-out folder as a zip; the same files give the same bytes."""
    when = _timestamp().timetuple()[:6]
    files = sorted(path for path in laid_out.rglob("*") if path.is_file())
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(laid_out).as_posix(), when)
            entry.external_attr = 0o644 << 16
            # Trained weights shrink by a fourteenth at most, and TorchServe unpacks them at every
            # start: inflating 170 MB takes it more than a second.
            is_weights = path.name == WEIGHTS_FILE
            entry.compress_type = zipfile.ZIP_STORED if is_weights else zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size  # decides whether it becomes a zip64
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _PIECE)


def _timestamp() -> datetime:
    """The time that every entry gets: SOURCE_DATE_EPOCH (reproducible-builds.org) or 1980."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        when = datetime.fromtimestamp(int(epoch), tz=timezone.utc) if epoch else _EARLIEST
    except (ValueError, OverflowError, OSError) as error:
        raise ExportError(f"SOURCE_DATE_EPOCH is {epoch!r}; seconds are expected.") from error
    return min(max(when, _EARLIEST), _LATEST)
