"""Masks and rotated boxes -> outlines. Pure functions.

A mask's outline runs along the edges of its pixels, not through their centres: a single pixel has
four corners and the area 1, and the area of every outline is the number of its pixels. Coordinates
are those of boxes: pixel (x, y) covers x to x + 1 and y to y + 1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handler.mask_time import counted


@dataclass(frozen=True)
class Polygon:
    """One connected part of a mask.

    Rings are open (the last corner is not the first again) and hold corners alone. By the shoelace
    formula on the numbers as they are, `exterior` is counterclockwise and `holes` are clockwise;
    on a screen, whose y axis points down, it looks the other way round.

    Attributes:
        exterior: (V, 2) int64, x and y of each corner.
        holes: (V, 2) int64 each.
        area: In pixels.
    """

    exterior: npt.NDArray[np.int64]
    holes: tuple[npt.NDArray[np.int64], ...]
    area: int


@counted
def mask_to_polygons(mask: npt.NDArray[np.bool_]) -> list[Polygon]:
    """The outlines of a mask, valid in the sense of OGC simple features.

    Pixels that touch at a corner alone belong to different polygons; no ring meets itself.

    Args:
        mask: (H, W) bool.

    Returns:
        One polygon for each 4-connected part, top to bottom; none for an empty mask.
    """
    box_xyxy = mask_extent(mask)
    if box_xyxy is None:
        return []
    left, top, right, bottom = box_xyxy
    # One pixel of background on every side, so that every corner has four pixels around it.
    crop = np.pad(mask[top:bottom, left:right], 1).astype(np.uint8)
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(crop, connectivity=4)
    corners_xy, part_of_corner, same_column = _corners(parts)

    exteriors: dict[int, npt.NDArray[np.int64]] = {}
    holes: dict[int, list[npt.NDArray[np.int64]]] = {}
    for ring in _rings(same_column):
        # A ring starts at the leftmost of its topmost corners: the pixel right below is inside it.
        x, y = corners_xy[ring[0]]
        ring_xy = corners_xy[ring] + (left - 1, top - 1)
        if parts[y, x]:
            exteriors[int(parts[y, x])] = ring_xy
        else:
            holes.setdefault(int(part_of_corner[ring[0]]), []).append(ring_xy[::-1])
    return [
        Polygon(
            exterior=exterior,
            holes=tuple(holes.get(part, ())),
            area=int(statistics[part, cv2.CC_STAT_AREA]),
        )
        for part, exterior in exteriors.items()
    ]


def mask_extent(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """The smallest box (x0, y0, x1, y1) around a mask, ends exclusive; None around an empty one.

    Args:
        mask: (H, W) bool.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


def rotated_box_corners(rotated_box: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(4, 2) float64, x and y of the corners of a rotated box.

    The order is top left, top right, bottom right, bottom left of the box before it was rotated.

    Args:
        rotated_box: (5,) float32, (centre x, centre y, width, height, degrees anticlockwise), as
            `detectron2.structures.RotatedBoxes` defines them.
    """
    x, y, width, height, angle = rotated_box.astype(np.float64)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    unrotated_xy = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
    # Anticlockwise to the eye, with y pointing down.
    corners: npt.NDArray[np.float64] = unrotated_xy @ np.array([[cos, -sin], [sin, cos]]) + (x, y)
    return corners


def _corners(
    parts: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], list[int]]:
    """Where outlines turn.

    An outline alternates between horizontal and vertical edges. In reading order, corners 2k and
    2k + 1 are the ends of one horizontal edge; in the order of columns they are the ends of one
    vertical edge.

    Args:
        parts: (H, W) int32, the number of each pixel's part, 0 for none and along the border.

    Returns:
        (C, 2) int64 x and y in reading order; (C,) int32 part whose corner it is; and of each
        corner the other end of its vertical edge.
    """
    above_left, above_right = parts[:-1, :-1], parts[:-1, 1:]
    below_left, below_right = parts[1:, :-1], parts[1:, 1:]
    inside = [(one != 0) for one in (above_left, above_right, below_left, below_right)]
    odd = inside[0] ^ inside[1] ^ inside[2] ^ inside[3]
    falling = inside[0] & inside[3] & ~inside[1] & ~inside[2]
    rising = inside[1] & inside[2] & ~inside[0] & ~inside[3]
    # Where pixels meet at a corner alone there are two corners in one place, the first with the
    # edge to the left. It takes the edge up or down such that different parts come apart, and one
    # part's outline does not meet itself: either way no ring passes that place twice.
    one_part = np.where(falling, above_left == below_right, above_right == below_left)
    crossing = falling | rising
    left_goes_up = falling ^ one_part

    y, x = np.nonzero(odd | crossing)
    twice = crossing[y, x]
    x, y = np.repeat(x, 1 + twice), np.repeat(y, 1 + twice)
    is_second = np.zeros(len(x), np.bool_)
    is_second[1:] = (x[1:] == x[:-1]) & (y[1:] == y[:-1])
    # Of the two, the one with the edge up ends the vertical edge above and comes first.
    goes_down = is_second == (left_goes_up[y, x])
    by_column = np.lexsort((goes_down, y, x))
    other_end = np.empty(len(x), np.int64)
    other_end[by_column[0::2]], other_end[by_column[1::2]] = by_column[1::2], by_column[0::2]

    # Around the top left corner of a hole, the pixel above it on the right is never in the hole.
    return np.stack([x + 1, y + 1], axis=1), above_right[y, x], other_end.tolist()


def _rings(same_column: list[int]) -> list[list[int]]:
    """Follow edges, horizontal and vertical in turn, until they close.

    Args:
        same_column: Of each corner the other end of its vertical edge; of its horizontal edge that
            is the corner's neighbour in the list.

    Returns:
        The corners of each ring; the first edge of a ring leads to the right.
    """
    rings: list[list[int]] = []
    seen = bytearray(len(same_column))
    for start in range(len(same_column)):
        if seen[start]:
            continue
        ring: list[int] = []
        corner = start
        while not seen[corner]:
            across = corner ^ 1
            seen[corner] = seen[across] = 1
            ring += (corner, across)
            corner = same_column[across]
        rings.append(ring)
    return rings
