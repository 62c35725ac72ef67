"""Objects of a whole image, and what a network without fault says of each tile."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from handler.predictions import Objects
from handler.tiling.parts import Part, parts_of
from handler.tiling.tiles import Tile, cut


@dataclass(frozen=True)
class Thing:
    """A filled rectangle that a tile shows as far as it goes, with this score."""

    box_xyxy: tuple[int, int, int, int]
    class_id: int = 0
    score: float = 0.9


def tiles_of(size_hw: tuple[int, int], side: int, overlap: float) -> tuple[Tile, ...]:
    return cut(size_hw, side=side, overlap=overlap, max_tiles=1000)


def seen(
    thing: Thing, tile: Tile, size_hw: tuple[int, int], *, masks: bool = True, **fields: object
) -> list[Part]:
    """What a tile shows of a thing: one part or none."""
    x0, y0, x1, y1 = thing.box_xyxy
    x0, y0 = max(x0, tile.left) - tile.left, max(y0, tile.top) - tile.top
    x1, y1 = min(x1, tile.right) - tile.left, min(y1, tile.bottom) - tile.top
    if x0 >= x1 or y0 >= y1:
        return []
    mask = np.zeros((1, tile.bottom - tile.top, tile.right - tile.left), np.bool_)
    mask[0, y0:y1, x0:x1] = True
    objects = Objects(
        boxes_xyxy=np.array([[x0, y0, x1, y1]], np.float32),
        scores=np.array([thing.score], np.float32),
        class_ids=np.array([thing.class_id]),
        masks=mask if masks else None,
    )
    return list(parts_of(replace(objects, **fields), tile, size_hw=size_hw))


def all_seen(
    things: list[Thing], tiles: tuple[Tile, ...], size_hw: tuple[int, int], *, masks: bool = True
) -> list[Part]:
    """What all tiles show of all things, tile by tile."""
    return [
        part for tile in tiles for one in things for part in seen(one, tile, size_hw, masks=masks)
    ]


def nothing(*, masks: bool = True) -> Objects:
    """No instances, of a network with masks or without."""
    none = Objects.none()
    return replace(none, masks=np.zeros((0, 9, 9), np.bool_)) if masks else none


def drawn(box_xyxy: tuple[int, int, int, int], size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size_hw, np.bool_)
    x0, y0, x1, y1 = box_xyxy
    mask[y0:y1, x0:x1] = True
    return mask
