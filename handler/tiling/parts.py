"""What the answer about one tile says of the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handler.cropped_masks import Crop, CroppedMasks
from handler.predictions import Masks, Objects
from handler.tiling.tiles import Tile

NEAR = 0.02
"""Share of a tile's longer side within which a box ends at the tile's border: networks do not put
the edge of what goes on beyond their image on its very last pixel."""


@dataclass(frozen=True)
class Part:
    """An object as one tile shows it, whole or in part, in pixels of the whole image.

    Attributes:
        tile: That shows it.
        is_whole: Whether it ends at no border of the tile that is not the image's as well.
        class_id: Position in the model's class list.
        score: 0..1.
        box_xyxy: (4,) float32; of a rotated box the upright one around it.
        mask: Or None where the model has no mask head.
        keypoints: (K, 3) float32, (x, y, score) each, or None.
        rotated_box: (5,) float32, as `Objects.rotated_boxes`, or None.
    """

    tile: Tile
    is_whole: bool
    class_id: int
    score: np.float32
    box_xyxy: npt.NDArray[np.float32]
    mask: Crop | None = None
    keypoints: npt.NDArray[np.float32] | None = None
    rotated_box: npt.NDArray[np.float32] | None = None


def parts_of(objects: Objects, tile: Tile, *, size_hw: tuple[int, int]) -> Iterator[Part]:
    """Move what a model says of a tile to where the tile is.

    Of its masks no more than the box around them is kept.

    Args:
        objects: In pixels of the tile.
        tile: That they were found in.
        size_hw: Size of the whole image in pixels.
    """
    offset = np.array([tile.left, tile.top], np.float32)
    boxes_xyxy = objects.boxes_xyxy + np.tile(offset, 2)
    is_whole = _are_whole(boxes_xyxy, tile, size_hw)
    for index in range(len(objects)):
        mask = keypoints = rotated_box = None
        if objects.masks is not None:
            mask = _moved(objects.masks, index, tile)
        if objects.keypoints is not None:
            keypoints = objects.keypoints[index].copy()
            keypoints[:, :2] += offset
        if objects.rotated_boxes is not None:
            rotated_box = objects.rotated_boxes[index].copy()
            rotated_box[:2] += offset
        yield Part(
            tile=tile,
            is_whole=bool(is_whole[index]),
            class_id=int(objects.class_ids[index]),
            score=objects.scores[index],
            box_xyxy=boxes_xyxy[index],
            mask=mask,
            keypoints=keypoints,
            rotated_box=rotated_box,
        )


def _moved(masks: Masks, index: int, tile: Tile) -> Crop:
    if isinstance(masks, CroppedMasks):
        crop = masks.crops[index]
        return Crop.of(crop.pixels, top=tile.top + crop.top, left=tile.left + crop.left)
    return Crop.of(masks[index], top=tile.top, left=tile.left)


def near(tile: Tile) -> float:
    """Pixels from a tile's border within which a box ends at it."""
    return NEAR * max(tile.right - tile.left, tile.bottom - tile.top)


def _are_whole(
    boxes_xyxy: npt.NDArray[np.float32], tile: Tile, size_hw: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    height, width = size_hw
    margin = near(tile)
    # Where the image ends nothing is cut off.
    low = [edge + margin if edge > 0 else -np.inf for edge in (tile.left, tile.top)]
    high = [
        edge - margin if edge < end else np.inf
        for edge, end in ((tile.right, width), (tile.bottom, height))
    ]
    inside = (boxes_xyxy[:, :2] > low) & (boxes_xyxy[:, 2:] < high)
    return inside[:, 0] & inside[:, 1]
