"""Which detections count as found, at every IoU threshold, as arrays.

They are kept by image, so that they can be accumulated again with other weights of images
(`client.evaluate.precision`). `client.evaluate.matching` makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Task: TypeAlias = Literal["bbox", "segm", "keypoints"]

TASKS: Mapping[Task, str] = {"bbox": "boxes", "segm": "masks", "keypoints": "keypoints"}
"""What overlaps, for people."""

MAX_DETECTIONS = 100
"""Of an image and class, the best; COCO's limit for boxes and masks."""

Weights: TypeAlias = npt.NDArray[np.float64]
"""(I,) how often each image counts, in the order of `Matches.image_ids`; or (B, I), B such rows."""


def overlap_name(task: Task) -> str:
    """What the overlap is called: of keypoints it is their similarity (OKS)."""
    return "OKS" if task == "keypoints" else "IoU"


@dataclass(frozen=True)
class ClassMatches:
    """Detections of one category within one range of areas; D of them, I images, T thresholds.

    Detections that count neither way (outside of the range, or in a crowd) are not in it.

    Attributes:
        scores: (D,) float64, descending; equal ones in the order of the images.
        images: (D,) int32, positions in `Matches.image_ids`.
        found: (T, D) bool: true positives; the others are false ones where `counted`.
        counted: (T, D) bool: whether a detection counts at that threshold.
        object_images: (O,) int32, likewise, ascending: the images that have objects that count.
        object_counts: (O,) int32: how many they have.
    """

    scores: npt.NDArray[np.float64]
    images: npt.NDArray[np.int32]
    found: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    object_images: npt.NDArray[np.int32]
    object_counts: npt.NDArray[np.int32]

    def objects(self, weights: Weights | None = None) -> npt.NDArray[np.float64]:
        """How many objects count: a number, or (B,) of them for (B, I) weights.

        Args:
            weights: Of the images; None is 1 for each.
        """
        if weights is None:
            return np.asarray(self.object_counts.sum(), dtype=np.float64)
        return np.asarray(weights[..., self.object_images] @ self.object_counts)


@dataclass(frozen=True)
class Matches:
    """What matches what in a data set, by one kind of overlap.

    Attributes:
        task: Overlap of boxes, of masks, or of keypoints (OKS).
        iou_thresholds: (T,) COCO's ten, and after them others that were asked for.
        areas: Names of the ranges of areas; the first is `all`.
        image_ids: I ids, ascending.
        category_ids: K ids, ascending.
        cells: K lists with an element for each range.
    """

    task: Task
    iou_thresholds: npt.NDArray[np.float64]
    areas: tuple[str, ...]
    image_ids: tuple[int | str, ...]
    category_ids: tuple[int, ...]
    cells: tuple[tuple[ClassMatches, ...], ...]

    def threshold_index(self, iou: float) -> int:
        """Position of a threshold in `iou_thresholds`.

        Raises:
            ValueError: Nothing was matched at it.
        """
        (found,) = np.nonzero(np.isclose(self.iou_thresholds, iou, rtol=0, atol=1e-9))
        if not len(found):
            raise ValueError(f"Nothing was matched at IoU {iou}, but at {self.iou_thresholds}.")
        return int(found[0])
