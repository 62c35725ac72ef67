"""Two lists of outputs, number by number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.open_as_worker import Arrays

_CLASSES = "instances.pred_classes"
_BOXES = ("instances.pred_boxes", "proposals.proposal_boxes", "answer.boxes")
_PIXELS = ("instances.pred_masks", "answer.masks", "answer.semantic", "answer.panoptic")


@dataclass(frozen=True)
class Comparison:
    """What a comparison of the outputs for some photographs found.

    Attributes:
        photographs: How many outputs were compared.
        compared: How much there was, by kind: `instances`, `classes` of those, `proposals`,
            `semantic classes`, `panoptic segments`; all photographs together.
        photographs_without: Photographs on which Detectron2 found nothing of some kind.
        largest_box_difference_px: Over all boxes of photographs on which as many were found.
        differing_mask_pixels: Over all masks and segmentations of such photographs.
        differing: Names of the outputs in which any bit differs, or that one side alone has.
    """

    photographs: int
    compared: dict[str, int]
    photographs_without: int
    largest_box_difference_px: float
    differing_mask_pixels: int
    differing: tuple[str, ...]


def compare(found: Sequence[Arrays], expected: Sequence[Arrays]) -> Comparison:
    """Compare, photograph by photograph.

    Args:
        found: Arrays by name, what an archive gave.
        expected: What Detectron2 gave.
    """
    counts = [_counts(one) for one in expected]
    compared: Counter[str] = Counter()
    for count in counts:
        compared.update(count)
    class_ids = [one[_CLASSES] for one in expected if _CLASSES in one]
    if class_ids:
        compared["classes"] = len(np.unique(np.concatenate(class_ids)))
    differing: set[str] = set()
    boxes, pixels = [0.0], [0]
    for ours, theirs in zip(found, expected, strict=True):
        for name in ours.keys() | theirs.keys():
            one, other = ours.get(name), theirs.get(name)
            if _is_same(one, other):
                continue
            differing.add(name)
            if one is not None and other is not None and one.shape == other.shape:
                if name in _BOXES:
                    boxes.append(float(np.abs(one - other).max()))
                elif name in _PIXELS:
                    pixels.append(int((one != other).sum()))
    return Comparison(
        photographs=len(counts),
        compared=dict(compared),
        photographs_without=sum(not count or 0 in count.values() for count in counts),
        largest_box_difference_px=max(boxes),
        differing_mask_pixels=sum(pixels),
        differing=tuple(sorted(differing)),
    )


def _counts(output: Arrays) -> dict[str, int]:
    """How much there is to compare in one output, by kind."""
    counts = {}
    if "instances.scores" in output:
        counts["instances"] = len(output["instances.scores"])
    if "proposals.objectness_logits" in output:
        counts["proposals"] = len(output["proposals.objectness_logits"])
    if "sem_seg" in output:
        counts["semantic classes"] = len(np.unique(output["sem_seg"].argmax(axis=0)))
    if "panoptic_seg" in output:
        counts["panoptic segments"] = len(np.unique(output["panoptic_seg"]))
    return counts


def _is_same(one: npt.NDArray[Any] | None, other: npt.NDArray[Any] | None) -> bool:
    if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    return one.tobytes() == other.tobytes()
