"""The parts of one image -> the objects in it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from handler.cropped_masks import Crop, CroppedMasks
from handler.polygons import rotated_box_corners
from handler.predictions import Objects
from handler.tiling.matching import same_objects
from handler.tiling.parts import Part


def merge(parts: Sequence[Part], *, nothing: Objects, size_hw: tuple[int, int]) -> Objects:
    """Answer for the whole image what its tiles say.

    Args:
        parts: Of all tiles; their order does not matter.
        nothing: No instances, with the fields that the model's have.
        size_hw: Size of the image in pixels.

    Returns:
        One instance for each object, in pixels of the image, best score first.
    """
    # Again: a whole need not be the surest of its group.
    found = sorted(map(unite, same_objects(parts)), key=lambda one: -one.score)
    count = len(found)
    masks = keypoints = rotated_boxes = None
    if nothing.masks is not None:
        crops = tuple(one.mask for one in found if one.mask is not None)
        masks = CroppedMasks(crops, size_hw)
    if nothing.keypoints is not None:
        keypoints = np.array([one.keypoints for one in found], np.float32)
        keypoints = keypoints.reshape(count, *nothing.keypoints.shape[1:])
    if nothing.rotated_boxes is not None:
        rotated_boxes = np.array([one.rotated_box for one in found], np.float32).reshape(count, 5)
    return Objects(
        boxes_xyxy=np.array([one.box_xyxy for one in found], np.float32).reshape(count, 4),
        scores=np.array([one.score for one in found], np.float32),
        class_ids=np.array([one.class_id for one in found], np.int64),
        masks=masks,
        keypoints=keypoints,
        rotated_boxes=rotated_boxes,
    )


def unite(parts: Sequence[Part]) -> Part:
    """One object from its parts.

    Where a tile shows the whole of it, what the surest such tile says is taken as it is, and the
    other parts add nothing. Else box and mask are those of all parts together, with the score of
    the surest and its keypoints: two halves of a skeleton, each guessed to its end, make no whole.

    Args:
        parts: At least one, the best score first.
    """
    best = next((part for part in parts if part.is_whole), parts[0])
    if best.is_whole or len(parts) == 1:
        return best
    boxes_xyxy = np.array([part.box_xyxy for part in parts])
    rotated_boxes = [part.rotated_box for part in parts if part.rotated_box is not None]
    if rotated_boxes:
        rotated_box = _rotated_around(rotated_boxes)
        corners_xy = rotated_box_corners(rotated_box)
        boxes_xyxy = np.hstack([corners_xy, corners_xy]).astype(np.float32)
    else:
        rotated_box = None
    masks = [part.mask for part in parts if part.mask is not None]
    return replace(
        best,
        box_xyxy=np.hstack([boxes_xyxy[:, :2].min(axis=0), boxes_xyxy[:, 2:].max(axis=0)]),
        mask=_union(masks) if masks else None,
        rotated_box=rotated_box,
    )


def _union(masks: Sequence[Crop]) -> Crop:
    """The pixels of any of some masks."""
    boxes_xyxy = np.array([mask.box_xyxy for mask in masks if mask.pixels.size] or [(0, 0, 0, 0)])
    left, top = boxes_xyxy[:, :2].min(axis=0).tolist()
    right, bottom = boxes_xyxy[:, 2:].max(axis=0).tolist()
    canvas = np.zeros((bottom - top, right - left), np.bool_)
    for mask in masks:
        mask.paint(canvas, top=top, left=left)
    return Crop(top, left, canvas)


def _rotated_around(rotated_boxes: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """(5,) float32, the smallest box around some, turned as the largest of them is."""
    largest = max(rotated_boxes, key=lambda box: float(box[2] * box[3]))
    cos, sin = np.cos(np.radians(largest[4])), np.sin(np.radians(largest[4]))
    turn = np.array([[cos, -sin], [sin, cos]])  # as `rotated_box_corners` turns
    corners_xy = np.concatenate([rotated_box_corners(box) for box in rotated_boxes]) @ turn.T
    low, high = corners_xy.min(axis=0), corners_xy.max(axis=0)
    return np.hstack([(low + high) / 2 @ turn, high - low, largest[4]]).astype(np.float32)
