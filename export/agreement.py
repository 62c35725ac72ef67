"""How far a faster precision is from the exact one, on images: what `--precision` costs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.matching import CONFIDENT, Matching, Objects, match
from export.open_as_worker import Arrays

_LABEL_DIVISOR = 1000
"""Of Detectron2's data sets: an id is class * 1000 + the number of the instance."""


@dataclass(frozen=True)
class Agreement:
    """What a precision answers, beside what the exact one answers.

    Attributes:
        precision: The faster one.
        detections: Instances of the exact one.
        found_again: Those of them that have a counterpart.
        missed_confident: Those without one and with a score above 0.5.
        largest_score_difference: Between counterparts.
        largest_box_difference_px: Between counterparts.
        median_mask_iou: Between counterparts; None where the model has no masks.
        smallest_mask_iou: Likewise.
        same_pixels: Of semantic and panoptic maps, the share that has the same class; None where
            the model has none.
    """

    precision: str
    detections: int
    found_again: int
    missed_confident: int
    largest_score_difference: float
    largest_box_difference_px: float
    median_mask_iou: float | None
    smallest_mask_iou: float | None
    same_pixels: float | None

    def as_dict(self) -> dict[str, Any]:
        """For `metadata.json`."""
        return {"sentence": self.sentence(), **asdict(self)}

    def sentence(self) -> str:
        """For people."""
        parts = [
            f"{self.found_again} of {self.detections} detections found again",
            f"boxes within {self.largest_box_difference_px:.2g} px",
            f"scores within {self.largest_score_difference:.2g}",
        ]
        if self.missed_confident:
            parts.insert(1, f"{self.missed_confident} missed above a score of {CONFIDENT}")
        if self.median_mask_iou is not None:
            parts.append(
                f"mask IoU {self.median_mask_iou:.4f} in the median and "
                f"{self.smallest_mask_iou:.4f} at least"
            )
        if self.same_pixels is not None:
            parts.append(f"{self.same_pixels:.2%} of segmented pixels alike")
        return f"{self.precision} beside exact: {', '.join(parts)}"


def agreement(found: Sequence[Arrays], expected: Sequence[Arrays], *, precision: str) -> Agreement:
    """Compare outputs, image by image.

    Args:
        found: Arrays by name, as `open_as_worker.as_arrays` names them, at the faster precision.
        expected: The same images' at the exact one.
        precision: Name of the faster one.
    """
    objects = Matching()
    pixels = same = 0
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("sem_seg", "panoptic_seg"):
            if name in theirs:
                one, other = (_classes(side, name) for side in (ours, theirs))
                pixels += other.size
                same += int((one == other).sum())
        if "instances.pred_boxes" in theirs:
            objects += match(_objects(ours), _objects(theirs), _mask_iou_of(ours, theirs))
    return Agreement(
        precision=precision,
        detections=objects.expected,
        found_again=objects.paired,
        missed_confident=objects.missed_confident,
        largest_score_difference=objects.largest_score,
        largest_box_difference_px=objects.largest_box_px,
        median_mask_iou=objects.median_mask_iou,
        smallest_mask_iou=objects.least_mask_iou,
        same_pixels=same / pixels if pixels else None,
    )


def _objects(side: Arrays) -> Objects:
    names = ("pred_boxes", "scores", "pred_classes")
    return Objects(*(side[f"instances.{name}"] for name in names))


def _mask_iou_of(ours: Arrays, theirs: Arrays) -> Callable[[int, int], float] | None:
    """Between masks at two positions; None where there are no masks."""
    masks = "instances.pred_masks"
    if masks not in theirs:
        return None
    return lambda mine, index: _mask_iou(ours[masks][mine], theirs[masks][index])


def _classes(side: Arrays, name: str) -> npt.NDArray[Any]:
    """(H, W), equal where the class is; the numbers of panoptic segments say nothing."""
    if name == "sem_seg":
        return np.asarray(side[name].argmax(axis=0))
    ids = side[name]
    segments = json.loads(str(side["panoptic_segments"]))
    if segments is None:  # Panoptic-DeepLab lists none
        return ids // _LABEL_DIVISOR
    classes = np.full(int(ids.max(initial=0)) + 1, -1)
    for segment in segments:
        classes[int(segment["id"])] = 2 * segment["category_id"] + bool(segment["isthing"])
    return np.asarray(classes[ids])


def _mask_iou(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
