"""The whole way from config and weights to an archive in the model store."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.archive import write_archive
from export.classes import read_classes
from export.config import class_count, class_count_key, read_config, set_score_threshold
from export.errors import ExportError
from export.staging import stage
from export.weights import fit_to_network, read_checkpoint

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class ExportRequest:
    """What the person asked for.

    Attributes:
        config_file: Text of `cfg.dump()`.
        weights: Checkpoint.
        model_name: Name to serve the model under.
        version: Version to serve it as.
        classes: Names, a file of names, or None.
        score_threshold: Lowest score that is answered, or None for what the config says.
        export_path: Folder of the model store.
        force: Replace an archive that is already there.
    """

    config_file: Path
    weights: Path
    model_name: str
    version: str
    classes: str | None
    score_threshold: float | None
    export_path: Path
    force: bool

    @property
    def archive(self) -> Path:
        """Where the archive goes."""
        return self.export_path / f"{self.model_name}.mar"

    def problems(self) -> list[str]:
        """What can be told to be wrong before anything is read, a sentence each."""
        found = []
        for option, path in (("--config-file", self.config_file), ("--weights", self.weights)):
            if not path.is_file():
                found.append(f"{option} {path} does not exist or is not a file.")
        if not _NAME.fullmatch(self.model_name):
            found.append(
                f'--model-name "{self.model_name}" is refused by TorchServe: start with a letter, '
                "go on with letters, digits, _, - or dot."
            )
        if not _VERSION.fullmatch(self.version) or self.version == "all":
            found.append(
                f'--version "{self.version}" cannot stand in a URL: start with a letter or digit, '
                'go on with letters, digits, _, -, + or dot; "all" is taken.'
            )
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            found.append(f"--score-threshold {self.score_threshold} is not within 0 and 1.")
        if self.export_path.exists() and not self.export_path.is_dir():
            found.append(f"--export-path {self.export_path} is not a folder.")
        if self.archive.exists() and not self.force:
            found.append(f"{self.archive} exists already; --force replaces it.")
        return found


def export(request: ExportRequest, *, report: Callable[[str], None]) -> Path:
    """Make the archive.

    Args:
        request: What to make.
        report: Gets a sentence before each step.

    Returns:
        The archive.

    Raises:
        ExportError: All problems that were found; the model store is as it was.
    """
    if problems := request.problems():
        raise ExportError(*problems)
    report(f"Reading {request.config_file}")
    config = read_config(request.config_file)
    if request.score_threshold is not None:
        set_score_threshold(config, request.score_threshold)
    classes = read_classes(
        request.classes, count=class_count(config), count_key=class_count_key(config)
    )
    report(f"Reading {request.weights} ({_megabytes(request.weights)})")
    state_dict = fit_to_network(read_checkpoint(request.weights), config)
    request.export_path.mkdir(parents=True, exist_ok=True)
    # Inside the model store, so that the last step is a rename; hidden, so that no server loads it.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=request.export_path) as scratch:
        staged = Path(scratch) / "staged"
        staged.mkdir()
        stage(staged, config=config, state_dict=state_dict, classes=classes)
        report("Packing")
        write_archive(
            staged, request.archive, model_name=request.model_name, version=request.version
        )
    report(f"Wrote {request.archive} ({_megabytes(request.archive)})")
    return request.archive


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
