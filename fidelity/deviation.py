"""How far an output is from another one of the same image, where equal bits are not expected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.open_as_worker import Arrays

_NEAR_PX = 1.0


@dataclass(frozen=True)
class Deviation:
    """What stacking images has changed, over some images.

    Attributes:
        differing_images: Images of whose outputs any bit differs.
        boxes: Instances, or proposals, that Detectron2 finds image by image.
        unpaired: Of both sides, those without a counterpart of the same class within a pixel.
        largest_box_px: Between counterparts.
        largest_score: Between counterparts.
        pixels: Of all masks of counterparts and of all segmentations.
        differing_pixels: Those that differ.
    """

    differing_images: int = 0
    boxes: int = 0
    unpaired: int = 0
    largest_box_px: float = 0.0
    largest_score: float = 0.0
    pixels: int = 0
    differing_pixels: int = 0

    def __add__(self, other: "Deviation") -> "Deviation":
        """Of the images of both."""
        return Deviation(
            self.differing_images + other.differing_images,
            self.boxes + other.boxes,
            self.unpaired + other.unpaired,
            max(self.largest_box_px, other.largest_box_px),
            max(self.largest_score, other.largest_score),
            self.pixels + other.pixels,
            self.differing_pixels + other.differing_pixels,
        )


def deviation(found: Sequence[Arrays], expected: Sequence[Arrays]) -> Deviation:
    """How far outputs are from those of the same images run one by one.

    Args:
        found: Arrays by name, as `export.open_as_worker.as_arrays` names them, of each image.
        expected: The same, of the image alone.
    """
    return sum((_of_image(*pair) for pair in zip(found, expected, strict=True)), Deviation())


def _of_image(found: Arrays, expected: Arrays) -> Deviation:
    same = found.keys() == expected.keys() and all(
        found[name].tobytes() == array.tobytes() for name, array in expected.items()
    )
    total = Deviation(differing_images=int(not same))
    for boxes, scores, classes in (
        ("instances.pred_boxes", "instances.scores", "instances.pred_classes"),
        ("proposals.proposal_boxes", "proposals.objectness_logits", ""),
    ):
        if boxes in expected:
            ours, theirs = _pairs(found, expected, boxes, classes)
            total += Deviation(
                boxes=len(expected[boxes]),
                unpaired=len(found[boxes]) + len(expected[boxes]) - 2 * len(ours),
                largest_box_px=_largest(found[boxes][ours], expected[boxes][theirs]),
                largest_score=_largest(found[scores][ours], expected[scores][theirs]),
            )
            if "instances.pred_masks" in expected and classes:
                masks = "instances.pred_masks"
                total += _of_pixels(found[masks][ours], expected[masks][theirs])
    if "sem_seg" in expected:
        total += _of_pixels(found["sem_seg"].argmax(axis=0), expected["sem_seg"].argmax(axis=0))
    if "panoptic_seg" in expected:
        total += _of_pixels(found["panoptic_seg"], expected["panoptic_seg"])
    return total


def _pairs(
    found: Arrays, expected: Arrays, boxes: str, classes: str
) -> tuple[list[int], list[int]]:
    """Positions on both sides of the boxes that are counterparts, each in one pair at most."""
    ours: list[int] = []
    theirs: list[int] = []
    free = np.ones(len(found[boxes]), np.bool_)
    for index, box_xyxy in enumerate(expected[boxes]):
        apart = np.abs(found[boxes] - box_xyxy).max(axis=1, initial=0.0)
        may = free & (apart <= _NEAR_PX)
        if classes:
            may &= found[classes] == expected[classes][index]
        if may.any():
            nearest = int(np.where(may, apart, np.inf).argmin())
            free[nearest] = False
            ours.append(nearest)
            theirs.append(index)
    return ours, theirs


def _largest(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    return float(np.abs(one - other).max(initial=0.0))


def _of_pixels(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> Deviation:
    return Deviation(pixels=other.size, differing_pixels=int((one != other).sum()))
