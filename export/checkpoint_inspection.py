"""Says what a file of weights holds, and unpickles nothing of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from detectron2.checkpoint.c2_model_loading import convert_c2_detectron_names

from export.checkpoint import Checkpoint, StateDict, read_checkpoint
from export.detectron1 import read_config, way_out
from export.parts import Parts, find_parts
from export.wording import many, megabytes
from handler.layout import sha256_of

Kind: TypeAlias = Literal[
    "training-checkpoint", "zoo-pickle", "detectron1", "backbone", "weights", "state-dict"
]

_KINDS: dict[Kind, str] = {
    "training-checkpoint": "a checkpoint of a training",
    "zoo-pickle": "weights of a model zoo",
    "detectron1": "a model of Detectron1",
    "backbone": "a backbone, from which a training starts",
    "weights": "weights, and what else stands beside them",
    "state-dict": "a state dict",
}
_OF_TRAININGS = {"optimizer", "scheduler", "lr_scheduler", "iteration", "epoch"}


@dataclass(frozen=True)
class CheckpointInspection:
    """What was found in a file of weights.

    Attributes:
        file: It.
        sha256: Its hex digest.
        size: Its bytes.
        kind: What kind of file it is.
        names: Whose names the weights have: `detectron2`, `caffe2`, or `suffix` for those that are
            ends of Detectron2's.
        tensors: How many weights there are.
        numbers: How many numbers, in all of them.
        dtypes: How many weights there are of each dtype.
        not_finite: Names of those that hold NaN or infinity.
        parts: What network they are of.
        iteration: Of the training, where the file says it.
        beside: What else is in the file.
        config: What to give to an export in the place of Detectron1's config, where it is inside.
    """

    file: Path
    sha256: str
    size: int
    kind: Kind
    names: str
    tensors: int
    numbers: int
    dtypes: Mapping[str, int]
    not_finite: tuple[str, ...]
    parts: Parts
    iteration: int | None
    beside: tuple[str, ...]
    config: str | None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "file": str(self.file)}


def inspect_checkpoint(path: Path) -> CheckpointInspection:
    """Look into a file of weights, in any form that an export reads.

    Raises:
        ExportError: As `export.checkpoint.read_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    tensors = _in_detectron2_names(checkpoint)
    parts = find_parts(tensors)
    iteration = checkpoint.notes.get("iteration")
    values = read_config(str(checkpoint.notes.get("cfg", "")))
    return CheckpointInspection(
        file=path,
        sha256=sha256_of(path),
        size=path.stat().st_size,
        kind=_kind(checkpoint, parts),
        names=checkpoint.naming,
        tensors=len(tensors),
        numbers=sum(one.numel() for one in tensors.values()),
        dtypes=dict(Counter(str(one.dtype).removeprefix("torch.") for one in tensors.values())),
        not_finite=tuple(name for name, one in tensors.items() if not _is_finite(one)),
        parts=parts,
        iteration=iteration if type(iteration) is int else None,
        beside=checkpoint.left_behind,
        config=None if values is None else way_out(values),
    )


def describe(found: CheckpointInspection) -> str:
    """Say it to people."""
    parts = found.parts
    iteration = "" if found.iteration is None else f", iteration {found.iteration}"
    dtypes = ", ".join(f"{count} {dtype}" for dtype, count in found.dtypes.items())
    lines = [
        f"{found.file}: {_KINDS[found.kind]}{iteration}",
        f"  weights    {many(found.tensors, 'tensor')} ({dtypes}), {found.numbers:,} numbers, "
        f"file of {megabytes(found.size)}",
        f"  names      {_names(found)}",
        f"  looks like {_network(parts)}",
        f"  heads      {', '.join(parts.heads) or 'none'}",
    ]
    for count, what in (
        (parts.classes, "classes    {}"),
        (parts.semantic_classes, "semantic   {} classes"),
        (parts.keypoints, "keypoints  {}"),
    ):
        if count is not None:
            lines.append(f"  {what.format(count)}")
    if found.beside:
        lines.append(f"  beside     {', '.join(found.beside)}")
    if found.config is not None:
        lines.append(f"  config     Detectron1's. {found.config}")
    lines.append(f"  sha256     {found.sha256}")
    if found.not_finite:
        shown = ", ".join(found.not_finite[:5])
        lines.append(f"  NOT FINITE (NaN or infinity), {len(found.not_finite)} in all: {shown}")
    return "\n".join(lines)


def _in_detectron2_names(checkpoint: Checkpoint) -> StateDict:
    if checkpoint.naming != "caffe2":
        return checkpoint.tensors
    try:
        converted: StateDict = convert_c2_detectron_names(dict(checkpoint.tensors))[0]
    except (AssertionError, IndexError, RuntimeError):  # other names that have no dots
        return checkpoint.tensors
    return converted


def _kind(checkpoint: Checkpoint, parts: Parts) -> Kind:
    if checkpoint.naming == "suffix" or (checkpoint.naming == "caffe2" and not parts.heads):
        return "backbone"
    if checkpoint.naming == "caffe2":
        return "detectron1"
    if checkpoint.wrapper is None:
        return "state-dict"
    if _OF_TRAININGS & set(checkpoint.left_behind):
        return "training-checkpoint"
    return "zoo-pickle" if "__author__" in checkpoint.left_behind else "weights"


def _names(found: CheckpointInspection) -> str:
    names = {
        "caffe2": "Caffe2's, which an export converts",
        "suffix": "ends of Detectron2's, which an export completes",
    }
    known = "Detectron2's" if found.parts.heads else "of another program, or of a backbone alone"
    return names.get(found.names, known)


def _network(parts: Parts) -> str:
    backbone = f"ResNet-{parts.depth}" if parts.depth else None
    pyramid = "a feature pyramid (FPN)" if parts.has_fpn else None
    known = [one for one in (parts.architecture, backbone, pyramid) if one]
    return ", ".join(known) or "none of Detectron2's networks"


def _is_finite(tensor: torch.Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
