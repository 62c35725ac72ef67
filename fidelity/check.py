"""One config of the zoo from end to end: made, exported, served, held against Detectron2."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from export.open_as_worker import as_arrays
from fidelity.answers import expected_answer
from fidelity.comparison import Comparison, compare
from fidelity.original import Original
from fidelity.photographs import Photograph, photographs
from fidelity.serving import make_archive, outputs_of_worker
from fidelity.weights import randomise
from fidelity.zoo import Scale, ZooConfig

Result = Literal["exact", "differs", "nothing compared", "failed"]


@dataclass(frozen=True)
class Row:
    """What came of one config.

    Attributes:
        config: Its name.
        result: `exact` where every bit of every output is the same and there was something to
            compare on every photograph.
        reason: Of any other result: outputs that differ, or what failed.
        task: What its network gives, such as `boxes, masks`.
        reference: What of Detectron2 the archive was held against.
        compared: How much there was, by kind; see `Comparison`.
        largest_box_difference_px: See `Comparison`.
        differing_mask_pixels: See `Comparison`.
        seconds: What it took.
    """

    config: str
    result: Result
    reason: str = ""
    task: str = ""
    reference: str = ""
    compared: Mapping[str, int] | None = None
    largest_box_difference_px: float = 0.0
    differing_mask_pixels: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, with the `problem` that it has, or nothing."""
        problem = "" if self.result == "exact" else f"{self.result}: {self.reason}"
        return {**asdict(self), "problem": problem}


def check(zoo_config: ZooConfig, scale: Scale) -> Row:
    """Hold the archive of a config against Detectron2.

    Nothing is left on the disk, whatever happens.
    """
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="fidelity-") as scratch:
            row = _compared(zoo_config, scale, Path(scratch))
    except Exception as error:  # whatever the parts of any network raise is this row's result
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        row = Row(zoo_config.name, "failed", reason)
    return Row(**{**vars(row), "seconds": round(time.perf_counter() - start, 1)})


@dataclass(frozen=True)
class Prepared:
    """A config of the zoo, ready to be asked.

    Attributes:
        photographs: What it is asked about.
        original: The config as Detectron2 reads it.
        weights: A checkpoint with the random weights.
        opened: Folder that the archive was opened in.
    """

    photographs: list[Photograph]
    original: Original
    weights: Path
    opened: Path


def prepare(zoo_config: ZooConfig, scale: Scale, scratch: Path) -> Prepared:
    """Give a config weights, and make its archive.

    Args:
        zoo_config: The config.
        scale: What is made smaller in it.
        scratch: An empty folder for all that.
    """
    taken = photographs(scratch)[: scale.photographs]
    original = Original.read(zoo_config, scale)
    weights = scratch / "model_final.pth"
    network = randomise(original.build, [original.input_of(one) for one in taken])
    torch.save({"model": network.state_dict()}, weights)
    del network  # the larger ones take gigabytes, and there will be two of each
    return Prepared(taken, original, weights, make_archive(original, weights, scratch))


def _compared(zoo_config: ZooConfig, scale: Scale, scratch: Path) -> Row:
    prepared = prepare(zoo_config, scale, scratch)
    reference, predict = prepared.original.predictor(prepared.weights)
    expected = [as_arrays(predict(photograph)) for photograph in prepared.photographs]
    found = outputs_of_worker(
        prepared.opened,
        prepared.photographs,
        with_proposals=prepared.original.needs_proposals,
        scratch=scratch,
    )
    comparison = compare(found, [{**one, **expected_answer(one)} for one in expected])
    result, reason = _judged(comparison)
    return Row(
        config=zoo_config.name,
        result=result,
        reason=reason,
        task=_task(set().union(*expected)),
        reference=reference,
        compared=comparison.compared,
        largest_box_difference_px=comparison.largest_box_difference_px,
        differing_mask_pixels=comparison.differing_mask_pixels,
    )


def _judged(comparison: Comparison) -> tuple[Result, str]:
    if comparison.differing:
        return "differs", ", ".join(comparison.differing)
    if comparison.photographs_without:
        without = f"{comparison.photographs_without} of {comparison.photographs}"
        return "nothing compared", f"on {without} photographs"
    return "exact", ""


def _task(names: set[str]) -> str:
    """What a network gives, by the names of its outputs."""
    words = {
        "instances.pred_boxes": "boxes",
        "instances.pred_masks": "masks",
        "instances.pred_keypoints": "keypoints",
        "proposals.proposal_boxes": "proposals",
        "sem_seg": "semantic",
        "panoptic_seg": "panoptic",
    }
    return ", ".join(word for name, word in words.items() if name in names)
