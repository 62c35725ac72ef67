"""What the person asked for, and what can be told to be wrong with it at once."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.model_settings import settings_problems
from export.owner_modules import module_problems
from handler.metadata import Precision

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class ExportRequest:
    """The arguments of `python -m export`.

    Attributes:
        config_file: A file or a model-zoo name.
        weights: A file or an address.
        model_name: Name to serve the model under.
        version: Version to serve it as.
        classes: Names, a file of names, a COCO annotations file, or None.
        stuff_classes: The same for semantic and panoptic segmentation.
        score_threshold: Lowest score that is answered, or None for what the config says.
        precision: How the network computes when it is served.
        overrides: `KEY VALUE ...` for the config.
        extra_modules: Python files and packages to pack and import before the network is built.
        allow_missing: Patterns of weights that may be missing.
        allow_unexpected: Patterns of weights that the network may not know.
        trust_checkpoint: Unpickle whatever the checkpoint asks for.
        model_config: TorchServe's settings of the model, or None for those that are shipped.
        verify_images: Images to verify with; generated ones where none are given.
        skip_verification: Make the archive without a proof.
        export_path: Folder of the model store.
        force: Replace an archive that is already there.
    """

    config_file: str
    weights: str
    model_name: str
    version: str
    classes: str | None = None
    stuff_classes: str | None = None
    score_threshold: float | None = None
    precision: Precision = "exact"
    overrides: tuple[str, ...] = ()
    extra_modules: tuple[Path, ...] = ()
    allow_missing: tuple[str, ...] = ()
    allow_unexpected: tuple[str, ...] = ()
    trust_checkpoint: bool = False
    model_config: Path | None = None
    verify_images: tuple[Path, ...] = ()
    skip_verification: bool = False
    export_path: Path = Path("model_store")
    force: bool = False

    @property
    def archive(self) -> Path:
        """Where the archive goes."""
        return self.export_path / f"{self.model_name}.mar"

    def problems(self) -> list[str]:
        """What can be told to be wrong before anything is read, a sentence each."""
        found = [*self._input_problems(), *module_problems(self.extra_modules)]
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
        elif self.archive.exists() and not self.force:
            found.append(self._existing_problem())
        return found

    def _existing_problem(self) -> str:
        existing = _holding(self.archive)
        if existing is None:
            return f"{self.archive} exists already; --force replaces it."
        model, version = existing
        sentence = f"{self.archive} exists already and holds {model} {version}; "
        if (model, version) == (self.model_name, self.version):
            return f"{sentence}--force replaces it."
        return (
            f"{sentence}--export-path with another folder, such as build, makes {self.version} "
            "without touching it, for `python -m client models rollout` to put in its place "
            "(docs/versions.md). --force replaces it, and with it what a restart serves."
        )

    def _input_problems(self) -> list[str]:
        from export.zoo import find_config, find_weights

        found: list[str] = []
        for find, argument in ((find_config, self.config_file), (find_weights, self.weights)):
            if "://" in argument:
                continue  # downloaded when everything else is right
            try:
                find(argument)
            except ExportError as error:
                found.extend(error.problems)
        if self.model_config is not None:
            found.extend(settings_problems(self.model_config))
        return found


def _holding(archive: Path) -> tuple[str, str] | None:
    """Model and version that the existing archive holds; None where it is no archive."""
    from export.inspection import inspect

    try:
        existing = inspect(archive)
    except (ExportError, zipfile.BadZipFile):
        return None
    return existing.model_name, existing.version
