"""Which detection of an image is which of its objects, for people: pairs, misses, false alarms.

AP asks this anew for each class and threshold; here there is one answer for the whole image, so
that one class can be taken for another:

1. Detections below the score threshold are left out.
2. Of pairs of an object and a detection of its class that overlap enough, the one that overlaps
   most is taken first, then the next of what is left; each object and detection once.
3. Of what is left likewise, whatever the classes.
4. What is left of the detections and lies in a crowd of its class counts as nothing.
5. Other detections are false alarms, other objects are missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from client.evaluate.dataset import Annotation

PairBy: TypeAlias = Literal["boxes", "masks"]


@dataclass(frozen=True, slots=True)
class Pair:
    """An object and the detection that stands for it.

    Attributes:
        object: Position among the annotations of the image.
        detection: Position among its detections.
        iou: How far they overlap, 0 to 1.
    """

    object: int
    detection: int
    iou: float


@dataclass(frozen=True, slots=True)
class Pairing:
    """What became of the objects and detections of an image.

    Attributes:
        pairs: Those that overlap, the same class first.
        missed: Objects that no detection stands for.
        false_alarms: Detections that stand for no object.
        ignored: Detections in crowds.
    """

    pairs: tuple[Pair, ...]
    missed: tuple[int, ...]
    false_alarms: tuple[int, ...]
    ignored: tuple[int, ...]


def pair(
    annotations: Sequence[Annotation],
    results: Sequence[Mapping[str, Any]],
    *,
    iou: float,
    score: float,
    by: PairBy = "boxes",
) -> Pairing:
    """Pair the objects of an image with its detections.

    Args:
        annotations: Its objects and crowds.
        results: Its detections, as COCO results.
        iou: Least overlap of a pair.
        score: Least score of a detection.
        by: What overlaps; masks need them on both sides.
    """
    # As servers and `Predictions.above` compare them.
    scores = np.array([one["score"] for one in results], dtype=np.float32)
    chosen = np.flatnonzero(scores >= np.float32(score)).tolist()
    objects = [index for index, one in enumerate(annotations) if not one.is_crowd]
    overlaps = overlap(annotations, [results[index] for index in chosen], by)
    truth = np.array([one.category_id for one in annotations])
    said = np.array([results[index]["category_id"] for index in chosen])
    same = said[:, None] == truth[None, :]
    is_object = np.array([not one.is_crowd for one in annotations], dtype=np.bool_)
    enough = overlaps >= iou
    pairs = _greedy(overlaps, enough & same & is_object, [])
    pairs = _greedy(overlaps, enough & is_object, pairs)
    paired = {detection for _, detection in pairs}
    found = {object_ for object_, _ in pairs}
    in_crowd = (enough & same & ~is_object).any(axis=1)
    rest = [position for position in range(len(chosen)) if position not in paired]
    return Pairing(
        tuple(Pair(o, chosen[d], float(overlaps[d, o])) for o, d in pairs),
        tuple(index for index in objects if index not in found),
        tuple(chosen[position] for position in rest if not in_crowd[position]),
        tuple(chosen[position] for position in rest if in_crowd[position]),
    )


def overlap(
    annotations: Sequence[Annotation], results: Sequence[Mapping[str, Any]], by: PairBy
) -> npt.NDArray[np.float64]:
    """IoU of each detection and object; of a crowd the share of the detection that lies in it.

    Args:
        annotations: G objects and crowds of an image.
        results: Its D detections.
        by: What overlaps.

    Returns:
        (D, G) float64.
    """
    if not (annotations and results):
        return np.zeros((len(results), len(annotations)))
    crowds = [int(one.is_crowd) for one in annotations]
    if by == "masks":
        said: Any = [one["segmentation"] for one in results]
        truth: Any = [one.rle for one in annotations]
    else:
        said = np.array([one["bbox"] for one in results], dtype=np.float64)
        truth = np.array([one.box_xywh for one in annotations], dtype=np.float64)
    return np.asarray(coco_mask.iou(said, truth, crowds), dtype=np.float64)


def _greedy(
    overlaps: npt.NDArray[np.float64],
    allowed: npt.NDArray[np.bool_],
    taken: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Pairs (object, detection) with those that were taken before, the largest overlap first."""
    pairs = list(taken)
    objects = {object_ for object_, _ in pairs}
    detections = {detection for _, detection in pairs}
    found = np.argwhere(allowed)
    # Detections come best score first: of equal overlaps the surer one wins.
    order = np.argsort(-overlaps[allowed], kind="stable")
    for detection, object_ in found[order].tolist():
        if detection not in detections and object_ not in objects:
            pairs.append((object_, detection))
            objects.add(object_)
            detections.add(detection)
    return pairs
