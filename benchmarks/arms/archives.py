"""The archives that are served: ours by our own export, the others by torch-model-archiver."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

from benchmarks.errors import ArmUnavailable, BenchmarkError
from benchmarks.models import ModelFiles

_ARMS = Path(__file__).parent
_CHECKOUT = Path(__file__).parents[2]

EXACT = "exact"

# Without both time-outs TorchServe takes 120 s; a naive answer alone may take half a minute.
_TIMEOUTS = {"responseTimeout": 300, "startupTimeout": 300}


def export_archive(files: ModelFiles, folder: Path, *, precision: str) -> Path:
    """Pack a model with `python -m export`.

    The proof that an export ends with is left out: every answer is checked here anyway.

    Args:
        files: The model.
        folder: The new archive's.
        precision: As `--precision` takes it.

    Raises:
        ArmUnavailable: This export has no such precision.
        BenchmarkError: It refuses; says why.
    """
    name = files.name if precision == EXACT else f"{files.name}-{precision}"
    arguments = [
        *("--config-file", str(files.config_file), "--weights", str(files.weights)),
        *("--classes", files.classes, "--model-name", name, "--version", "1.0"),
        *("--export-path", str(folder), "--skip-verification"),
    ]
    if precision != EXACT:
        arguments += ["--precision", precision]
    finished = _run("-m", "export", *arguments)
    if finished.returncode == 2 and precision != EXACT:
        raise ArmUnavailable(f"The export takes no --precision {precision}.")
    if finished.returncode != 0:
        raise BenchmarkError(f"The export of {name} failed: {finished.stderr.strip()}")
    return folder / f"{name}.mar"


def with_workers(archive: Path, target: Path, *, workers: int, device: str) -> Path:
    """The same archive with other lines in its `model-config.yaml`.

    Args:
        archive: What the export wrote.
        target: Where the copy goes.
        workers: Number of workers that TorchServe starts.
        device: `cpu` or `cuda`.
    """
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "model-config.yaml":
                settings = yaml.safe_load(content) | _settings(workers, device)
                content = yaml.safe_dump(settings).encode()
            copy.writestr(info, content, compress_type=info.compress_type)
    return target


def naive_archive(files: ModelFiles, folder: Path, *, workers: int, device: str) -> Path:
    """N1's archive, as the posts about it make one."""
    return _archive(
        "naive",
        folder,
        _settings(workers, device) | _TIMEOUTS,
        *("--serialized-file", str(files.weights), "--extra-files", str(files.config_file)),
    )


def noop_archive(folder: Path, *, device: str) -> Path:
    """T's archive."""
    return _archive("noop", folder, _settings(1, device) | _TIMEOUTS)


def _archive(name: str, folder: Path, settings: dict[str, object], *arguments: str) -> Path:
    settings_file = folder / f"{name}.yaml"
    settings_file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    finished = _run(
        *("-m", "model_archiver.model_packaging", "--model-name", name, "--version", "1.0"),
        *("--handler", str(_ARMS / f"{name}_handler.py"), "--config-file", str(settings_file)),
        *("--export-path", str(folder), "--force"),
        *arguments,
    )
    archive = folder / f"{name}.mar"
    if finished.returncode != 0 or not archive.is_file():
        raise ArmUnavailable(f"torch-model-archiver failed: {finished.stderr.strip()[-300:]}")
    return archive


def _settings(workers: int, device: str) -> dict[str, object]:
    return {
        "minWorkers": workers,
        "maxWorkers": workers,
        "deviceType": "cpu" if device == "cpu" else "gpu",
    }


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # torch-model-archiver empties a folder of the model's name in the temp folder.
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temp:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=_CHECKOUT,
            env={**os.environ, "TMPDIR": temp},
            capture_output=True,
            text=True,
            check=False,
        )
