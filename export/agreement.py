"""How far a faster precision is from the exact one, on images: what `--precision` costs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.open_as_worker import Arrays

_SAME_OBJECT_IOU = 0.5
"""Boxes of one class that overlap at least so much are of the same object."""

_CONFIDENT = 0.5

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
            parts.insert(1, f"{self.missed_confident} missed above a score of {_CONFIDENT}")
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
    detections = found_again = missed = pixels = same = 0
    scores, boxes_px, ious = [0.0], [0.0], []
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("sem_seg", "panoptic_seg"):
            if name in theirs:
                one, other = (_classes(side, name) for side in (ours, theirs))
                pixels += other.size
                same += int((one == other).sum())
        if "instances.pred_boxes" not in theirs:
            continue
        regions = ("instances.pred_boxes", "instances.pred_classes")
        pairs = counterparts(*(side[name] for side in (ours, theirs) for name in regions))
        confident = theirs["instances.scores"] > _CONFIDENT
        confident[[index for _, index in pairs]] = False
        detections += len(theirs["instances.scores"])
        found_again += len(pairs)
        missed += int(confident.sum())
        for mine, index in pairs:
            scores.append(_apart(ours, theirs, "instances.scores", mine, index))
            boxes_px.append(_apart(ours, theirs, "instances.pred_boxes", mine, index))
            if "instances.pred_masks" in theirs:
                masks = ours["instances.pred_masks"][mine], theirs["instances.pred_masks"][index]
                ious.append(_mask_iou(*masks))
    return Agreement(
        precision=precision,
        detections=detections,
        found_again=found_again,
        missed_confident=missed,
        largest_score_difference=max(scores),
        largest_box_difference_px=max(boxes_px),
        median_mask_iou=float(np.median(ious)) if ious else None,
        smallest_mask_iou=min(ious) if ious else None,
        same_pixels=same / pixels if pixels else None,
    )


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


def counterparts(
    boxes: npt.NDArray[np.float32],
    class_ids: npt.NDArray[np.int64],
    other_boxes: npt.NDArray[np.float32],
    other_class_ids: npt.NDArray[np.int64],
) -> list[tuple[int, int]]:
    """Find which boxes are of the same object, those that overlap most first.

    Args:
        boxes: (N, 4) `boxes_xyxy`, or (N, 5) rotated ones.
        class_ids: (N,) int64.
        other_boxes: (M, 4) or (M, 5).
        other_class_ids: (M,) int64.

    Returns:
        Positions on both sides, each in one pair at most.
    """
    ious = _ious(_regions(boxes), _regions(other_boxes))
    ious[class_ids[:, None] != other_class_ids] = 0
    pairs = []
    while ious.size and ious.max() >= _SAME_OBJECT_IOU:
        mine, index = (int(i) for i in np.unravel_index(ious.argmax(), ious.shape))
        pairs.append((mine, index))
        ious[mine], ious[:, index] = 0, 0
    return pairs


def _regions(given: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(N, 4) upright boxes; of rotated ones the squares about their centres."""
    boxes = given.astype(np.float64)
    if boxes.shape[1] == 4:
        return boxes
    half = np.sqrt(boxes[:, 2:3] * boxes[:, 3:4]) / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _ious(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, M) of (N, 4) and (M, 4) boxes_xyxy."""
    low = np.maximum(one[:, None, :2], other[:, :2])
    high = np.minimum(one[:, None, 2:], other[:, 2:])
    shared = (high - low).clip(min=0).prod(axis=2)
    areas = [(side[:, 2:] - side[:, :2]).prod(axis=1) for side in (one, other)]
    union = areas[0][:, None] + areas[1] - shared
    ious: npt.NDArray[np.float64] = shared / np.where(union > 0, union, 1)
    return ious


def _apart(ours: Arrays, theirs: Arrays, name: str, mine: int, index: int) -> float:
    return float(np.abs(ours[name][mine] - theirs[name][index]).max())


def _mask_iou(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
