"""How far the objects of two answers cover one another, by everything that the answers say of them.

An object has a box, a rotated box, a mask or keypoints, as its model has heads; segments have masks
alone. Two objects are as alike as the least alike of what they have.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

Objects: TypeAlias = Sequence[dict[str, Any]]
Matrix: TypeAlias = npt.NDArray[np.float64]

SHAPES = ("box", "rotated_box", "mask", "keypoints")
"""What objects have, by its key in the `native` format."""

_KEYPOINT_SIGMA = 0.067
"""The mean of COCO's for people; other keypoints have none that were agreed upon."""

_SEEN_SCORE = 0.05
"""Keypoints below it are drawn by nobody: Detectron2's Visualizer leaves them out."""


def overlaps(old: Objects, new: Objects) -> Matrix:
    """How far each object of one answer covers each of another.

    Args:
        old: N objects in the `native` format, one at least; all have the same keys.
        new: M, likewise.

    Returns:
        (N, M), 0 to 1: of `overlaps_by_shape` the least.
    """
    return least_alike(overlaps_by_shape(old, new), (len(old), len(new)))


def overlaps_by_shape(old: Objects, new: Objects) -> dict[str, Matrix]:
    """The same of everything that they have, each on its own.

    Args:
        old: As `overlaps` takes them.
        new: Likewise.

    Returns:
        (N, M), 0 to 1, by keys of `SHAPES`: the intersection over union of boxes, rotated boxes and
        masks, the object keypoint similarity (OKS) of keypoints. 0 where only one of the two has
        it. Of rotated boxes there are no upright ones.
    """
    found = {}
    for key in SHAPES:
        if (key in old[0]) != (key in new[0]):
            found[key] = np.zeros((len(old), len(new)))
        # Of a rotated box the upright one around it tells less.
        elif key in old[0] and not (key == "box" and "rotated_box" in old[0]):
            found[key] = _MEASURES[key](old, new)
    return found


def least_alike(by_shape: Mapping[str, Matrix], shape: tuple[int, int]) -> Matrix:
    """How alike objects are that are as alike as the least alike of what they have.

    Args:
        by_shape: Of `overlaps_by_shape`.
        shape: N and M; objects without any shape are alike.
    """
    return np.asarray(np.minimum.reduce([np.ones(shape), *by_shape.values()]))


def _boxes(old: Objects, new: Objects) -> Matrix:
    """(N, M) intersections over unions of boxes (x0, y0, x1, y1)."""
    one, other = _values(old, "box"), _values(new, "box")
    overlap_wh = np.clip(
        np.minimum(one[:, None, 2:], other[:, 2:]) - np.maximum(one[:, None, :2], other[:, :2]),
        0,
        None,
    )
    return _over_unions(overlap_wh.prod(axis=2), _areas(one), _areas(other))


def _rotated_boxes(old: Objects, new: Objects) -> Matrix:
    """Likewise of (centre x, centre y, width, height, degrees anticlockwise)."""
    one, other = _values(old, "rotated_box"), _values(new, "rotated_box")
    overlap = np.zeros((len(one), len(other)))
    # Boxes whose upright ones are apart are apart, which leaves few of many pairs.
    for i, j in np.argwhere(_boxes(old, new) > 0):
        corners = [corners_of(one[i]), corners_of(other[j])]
        # float32, and pixels far from the origin: near it the numbers are exact enough.
        origin = corners[0].mean(axis=0)
        polygons = [(polygon - origin).astype(np.float32) for polygon in corners]
        overlap[i, j], _ = cv2.intersectConvexConvex(*polygons)
    areas = one[:, 2:4].prod(axis=1), other[:, 2:4].prod(axis=1)
    # What float32 leaves off or adds must not make a box unlike itself, nor more than alike.
    smaller = np.minimum(areas[0][:, None], areas[1])
    equal = (one[:, None] == other).all(axis=2)
    return _over_unions(np.where(equal, smaller, np.clip(overlap, 0, smaller)), *areas)


def corners_of(box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(4, 2) points of a rotated box.

    Args:
        box: Centre x, centre y, width, height, degrees anticlockwise.
    """
    angle = np.radians(box[4])
    across = np.array([np.cos(angle), -np.sin(angle)]) * box[2] / 2
    down = np.array([np.sin(angle), np.cos(angle)]) * box[3] / 2
    corners = np.array([-across - down, across - down, across + down, down - across])
    return np.asarray(box[:2] + corners)


def _masks(old: Objects, new: Objects) -> Matrix:
    """Likewise of masks, by their pixels."""
    sides = [
        [{**one["mask"], "counts": one["mask"]["counts"].encode()} for one in side]
        for side in (old, new)
    ]
    return np.asarray(coco_mask.iou(*sides, [0] * len(new)), dtype=np.float64)


def _keypoints(old: Objects, new: Objects) -> Matrix:
    """(N, M) object keypoint similarities, over the keypoints that either of two objects shows."""
    one, other = _values(old, "keypoints"), _values(new, "keypoints")
    if one.shape[1:] != other.shape[1:]:
        return np.zeros((len(old), len(new)))
    pairs = one[:, None], other[None]
    squared = ((pairs[0] - pairs[1])[..., :2] ** 2).sum(axis=-1)
    area = (_areas(_values(old, "box"))[:, None] + _areas(_values(new, "box"))) / 2
    scale = 2 * np.maximum(area, 1.0) * (2 * _KEYPOINT_SIGMA) ** 2
    alike = np.exp(-squared / scale[..., None])
    seen = np.maximum(pairs[0][..., 2], pairs[1][..., 2]) >= _SEEN_SCORE
    shown = seen.sum(axis=-1)
    return np.where(shown, (alike * seen).sum(axis=-1) / np.maximum(shown, 1), 1.0)


_MEASURES: dict[str, Callable[[Objects, Objects], Matrix]] = {
    "box": _boxes,
    "rotated_box": _rotated_boxes,
    "mask": _masks,
    "keypoints": _keypoints,
}


def _values(objects: Objects, key: str) -> npt.NDArray[np.float64]:
    return np.array([one[key] for one in objects], dtype=np.float64)


def _areas(boxes_xyxy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    areas: npt.NDArray[np.float64] = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    return areas


def _over_unions(overlap: Matrix, old: Matrix, new: Matrix) -> Matrix:
    union = old[:, None] + new - overlap
    return np.asarray(overlap / np.maximum(union, np.finfo(np.float64).tiny))
