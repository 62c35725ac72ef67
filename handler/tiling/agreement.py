"""Whether two parts show one object, and how surely. Pure functions.

Two tiles that overlap both look at the zone that they share, so of an object in it both say the
same: parts of one class match where, inside of the zone, they cover the same pixels. Outside of it
one of the tiles is blind, and nothing is compared.

A part that its tile cuts off after a few pixels is found badly. Where the other one goes on beyond
that border, it is enough that most of what was cut off lies in the other.
"""

import cv2
import numpy as np
import numpy.typing as npt

from handler.cropped_masks import Crop
from handler.polygons import rotated_box_corners
from handler.tiling.parts import Part, near
from handler.tiling.tiles import Box, Tile

ENOUGH = 0.5
"""Share of the pixels that two parts have to have in common; that of Detectron2's NMS and SAHI."""

ALMOST_ALL = 0.8
"""Share of its pixels from which on a part lies within another one."""


def shared_zone(tile: Tile, other: Tile) -> Box | None:
    """(x0, y0, x1, y1) of the pixels that two tiles share, or None where they share none."""
    zone = _common(tile.box_xyxy, other.box_xyxy)
    return zone if zone[0] < zone[2] and zone[1] < zone[3] else None


def agreement(part: Part, other: Part, zone_xyxy: Box) -> float | None:
    """Intersection over union inside of the zone, or None where two parts do not match.

    Args:
        part: Of one tile.
        other: Of another tile, of the same class.
        zone_xyxy: What the two tiles share.
    """
    area, other_area, common = _areas(part, other, zone_xyxy)
    if not common > 0:
        return None
    over_union = common / (area + other_area - common)
    matches = (
        over_union >= ENOUGH
        or (_goes_on(other, beyond=part) and common >= ENOUGH * area)
        or (_goes_on(part, beyond=other) and common >= ENOUGH * other_area)
    )
    return over_union if matches else None


def lies_within(part: Part, whole: Part) -> bool:
    """Whether hardly a pixel of a part is outside of another one."""
    area, _, common = _areas(part, whole, part.tile.box_xyxy)
    return common >= ALMOST_ALL * area


def _goes_on(part: Part, *, beyond: Part) -> bool:
    """Whether a part crosses a border of the other's tile at which the other ends."""
    margin = near(beyond.tile)
    low, high = np.reshape(beyond.tile.box_xyxy, (2, 2))
    ends_low = beyond.box_xyxy[:2] <= low + margin
    ends_high = beyond.box_xyxy[2:] >= high - margin
    crosses_low = part.box_xyxy[:2] < low - margin
    crosses_high = part.box_xyxy[2:] > high + margin
    return bool(((ends_low & crosses_low) | (ends_high & crosses_high)).any())


def _areas(part: Part, other: Part, zone_xyxy: Box) -> tuple[float, float, float]:
    """Pixels of two parts inside of a zone, and of what they have in common there."""
    if part.mask is not None and other.mask is not None:
        return _mask_areas(part.mask, other.mask, zone_xyxy)
    zone_xy = _corners(zone_xyxy)
    first_xy, second_xy = (_clipped(_outline(one), zone_xy) for one in (part, other))
    both_xy = _clipped(first_xy, second_xy)
    return cv2.contourArea(first_xy), cv2.contourArea(second_xy), cv2.contourArea(both_xy)


def _mask_areas(mask: Crop, other: Crop, zone_xyxy: Box) -> tuple[float, float, float]:
    both_xyxy = _common(zone_xyxy, _common(mask.box_xyxy, other.box_xyxy))
    return (
        float(np.count_nonzero(mask.within(zone_xyxy))),
        float(np.count_nonzero(other.within(zone_xyxy))),
        float(np.count_nonzero(mask.within(both_xyxy) & other.within(both_xyxy))),
    )


def _common(box_xyxy: Box, other_xyxy: Box) -> Box:
    """What two boxes share; x0 >= x1 or y0 >= y1 where that is nothing."""
    (x0, y0, x1, y1), (u0, v0, u1, v1) = box_xyxy, other_xyxy
    return max(x0, u0), max(y0, v0), min(x1, u1), min(y1, v1)


def _outline(part: Part) -> npt.NDArray[np.float32]:
    """(4, 2) float32, the corners of a part's box, rotated where it is."""
    if part.rotated_box is None:
        return _corners(part.box_xyxy)
    return rotated_box_corners(part.rotated_box).astype(np.float32)


def _corners(box_xyxy: npt.ArrayLike) -> npt.NDArray[np.float32]:
    x0, y0, x1, y1 = np.asarray(box_xyxy, np.float32)
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def _clipped(
    convex_xy: npt.NDArray[np.float32], other_xy: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """What two convex polygons have in common, (V, 2) float32; V is 0 where that is nothing."""
    nothing = np.zeros((0, 2), np.float32)
    if not len(convex_xy) or not len(other_xy):
        return nothing
    area, both_xy = cv2.intersectConvexConvex(convex_xy, other_xy)
    return both_xy.reshape(-1, 2) if area > 0 else nothing
