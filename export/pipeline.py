"""The whole way from config and weights to a verified archive in the model store."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from client.models.archive import digest_file_of
from export import network as networks
from export.archive import digests, lay_out, pack
from export.checkpoint import Checkpoint, StateDict, read_checkpoint
from export.classes import Labels, find_labels
from export.config import read_model_config
from export.errors import ExportError
from export.fitting import fit_to_network
from export.model_config import ModelConfig
from export.owner_modules import copy_modules, import_modules
from export.references import faster_predictor, reference_predictor
from export.request import ExportRequest
from export.staging import package_versions, stage
from export.verify import Verdict, read_images, verify
from export.zoo import find_weights
from handler.layout import METADATA_FILE, sha256_of
from handler.metadata import Metadata, Precision
from handler.model_input import InputBuilder

Report = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What an export has made.

    Attributes:
        archive: The `.mar`.
        sha256: Its hex digest.
        metadata: What it says of itself.
        weights_size: Bytes of the checkpoint that came in.
        left_behind: What else was in the checkpoint.
        verdict: Of the verification, or None where it was skipped.
        warnings: What the person should know, a sentence each.
    """

    archive: Path
    sha256: str
    metadata: Metadata
    weights_size: int
    left_behind: tuple[str, ...]
    verdict: Verdict | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    """A trained network and everything that is known of it."""

    config: ModelConfig
    network: torch.nn.Module
    state: StateDict
    labels: Labels
    checkpoint: Checkpoint
    weights: Path
    owner_modules: tuple[str, ...]


def export(request: ExportRequest, *, report: Report) -> Exported:
    """Make the archive.

    Args:
        request: What to make.
        report: Gets a sentence before each step.

    Raises:
        ExportError: All problems that were found; the model store is as it was.
    """
    if problems := request.problems():
        raise ExportError(*problems)
    images = read_images(request.verify_images)
    try:
        request.export_path.mkdir(parents=True, exist_ok=True)
        # Inside the model store, so that the last step is a rename; hidden, so that no server
        # loads what lies there.
        with tempfile.TemporaryDirectory(prefix=".export-", dir=request.export_path) as scratch:
            staged = Path(scratch) / "staged"
            staged.mkdir()
            model = _load(request, staged, report)
            output = networks.answer_to(model.network, InputBuilder(model.config.input), images[0])
            stage(
                staged,
                config_text=model.config.text,
                state_dict=model.state,
                model_config=request.model_config,
            )
            report("Packing")
            laid_out = lay_out(staged, model_name=request.model_name, version=request.version)
            kinds = networks.output_kinds(output)
            metadata = _metadata(model, kinds, digests(laid_out), request.precision)
            packed = Path(scratch) / "packed.mar"
            _pack(laid_out, metadata, packed)
            verdict = None
            if not request.skip_verification:
                report("Verifying the finished archive in a process of its own")
                verdict = _verify(model, packed, images, Path(scratch), request.precision)
                metadata = replace(metadata, verification=verdict.as_dict())
                _pack(laid_out, metadata, packed)
            sha256 = sha256_of(packed)
            _publish(packed, sha256, request.archive, force=request.force)
    except (OSError, UnicodeError) as error:
        raise ExportError(
            f"{request.archive} could not be written: {error}. The model store is as it was."
        ) from error
    return Exported(
        archive=request.archive,
        sha256=sha256,
        metadata=metadata,
        weights_size=model.weights.stat().st_size,
        left_behind=model.checkpoint.left_behind,
        verdict=verdict,
        warnings=(*model.config.warnings, *model.labels.warnings, *_doubts(metadata, verdict)),
    )


def _load(request: ExportRequest, staged: Path, report: Report) -> _Model:
    """Read everything that the person has, and put it together."""
    copy_modules(request.extra_modules, staged)
    owner_modules = import_modules(request.extra_modules, staged)
    report(f"Reading {request.config_file}")
    config = read_model_config(
        request.config_file,
        overrides=request.overrides,
        score_threshold=request.score_threshold,
        owner_modules=owner_modules,
    )
    network = networks.build(config, owner_modules)
    problems: list[str] = []
    labels = Labels()
    try:
        labels = find_labels(
            classes=request.classes,
            stuff_classes=request.stuff_classes,
            datasets=config.datasets,
            things=networks.thing_count(network, config),
            stuff=networks.stuff_count(network, config),
            keypoints=networks.keypoint_count(network),
        )
    except ExportError as error:
        problems.extend(error.problems)
    report(f"Reading {request.weights}")
    try:
        weights = find_weights(request.weights)
        checkpoint = read_checkpoint(weights, trust=request.trust_checkpoint)
        state = fit_to_network(
            checkpoint,
            network,
            allow_missing=request.allow_missing,
            allow_unexpected=request.allow_unexpected,
            kind=config.kind,
        )
    except ExportError as error:
        raise ExportError(*problems, *error.problems) from error
    if problems:
        raise ExportError(*problems)
    return _Model(config, network, state, labels, checkpoint, weights, owner_modules)


def _metadata(
    model: _Model, outputs: tuple[str, ...], files: dict[str, str], precision: Precision
) -> Metadata:
    return Metadata(
        architecture=type(model.network).__name__,
        config_kind=model.config.kind,
        input=model.config.input,
        outputs=outputs,
        classes=model.labels.classes,
        stuff_classes=model.labels.stuff_classes,
        keypoint_names=model.labels.keypoint_names,
        modules=(*model.config.projects, *model.owner_modules),
        owner_modules=model.owner_modules,
        files=files,
        exported_with=package_versions(),
        precision=precision,
        detection=networks.detection_spec(model.network),
    )


def _pack(laid_out: Path, metadata: Metadata, destination: Path) -> None:
    (laid_out / METADATA_FILE).write_text(metadata.to_json(), encoding="utf-8")
    pack(laid_out, destination)


def _verify(
    model: _Model,
    archive: Path,
    images: list[np.ndarray],
    scratch: Path,
    precision: Precision,
) -> Verdict:
    name, reference = reference_predictor(model.config, model.network, scratch)
    exact = None
    if precision != "exact":
        exact = reference
        name, reference = faster_predictor(model.config, model.network, precision)
    verdict = verify(
        archive,
        images,
        reference_name=name,
        reference=reference,
        exact=exact,
        precision=precision,
    )
    if not verdict.is_exact:
        raise ExportError(
            f"Verification failed, no archive was made: {verdict.sentence()}. "
            "--skip-verification exports it all the same."
        )
    return verdict


def _doubts(metadata: Metadata, verdict: Verdict | None) -> list[str]:
    """What a verdict does not prove, a sentence each."""
    if verdict is None:
        return ["The archive was not verified."]
    if verdict.beside_exact is not None and verdict.beside_exact.missed_confident:
        return [
            f"{verdict.beside_exact.sentence()}. Try it on images of yours with --verify-image "
            "before you rely on it."
        ]
    if "boxes" in metadata.outputs and not verdict.detections:
        return [
            "Nothing was detected on the images that the archive was verified with, so nothing "
            "but that was compared; --verify-image takes images on which the model finds something."
        ]
    return []


def _publish(packed: Path, sha256: str, archive: Path, *, force: bool) -> None:
    """Move archive and digest to their places; where that fails, both are as they were.

    Raises:
        ExportError: Somebody else has put an archive there meanwhile.
    """
    sidecar, place = digest_file_of(packed), digest_file_of(archive)
    sidecar.write_text(f"{sha256}  {archive.name}\n", encoding="utf-8")
    before = place.read_bytes() if place.is_file() else None
    sidecar.replace(place)  # first: without its archive it says nothing, the archive would
    try:
        if force:
            packed.replace(archive)
        else:
            archive.hardlink_to(packed)  # unlike a rename, it never replaces
    except BaseException as error:
        place.unlink() if before is None else place.write_bytes(before)
        if isinstance(error, FileExistsError):
            raise ExportError(f"{archive} has appeared meanwhile; --force replaces it.") from error
        raise
