"""One drawn coin: a worn outline, a relief under slanting light, and the shadow it throws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from examples.coins.textures import FloatArray, direction_ramp, smooth_noise

OUTLINE_POINTS = 128
SUPERSAMPLING = 4


@dataclass(frozen=True)
class Disc:
    """Where a coin lies and how it looks.

    Attributes:
        centre_xy: centre in pixels of the picture; (0, 0) is the centre of the top left pixel.
        radius_px: mean radius in pixels.
        tone: mean grey level of its surface, 0 to 255.
        tint_bgr: float32 of shape (3,), the factor of each channel.
    """

    centre_xy: tuple[float, float]
    radius_px: float
    tone: float
    tint_bgr: FloatArray


def worn_outline(rng: np.random.Generator) -> FloatArray:
    """Draw the outline of a hand-struck coin: nearly round, dented, sometimes with flats.

    Returns:
        float32 array of shape (OUTLINE_POINTS, 2), x and y in units of the mean radius.
    """
    angles = np.linspace(0.0, 2.0 * math.pi, OUTLINE_POINTS, endpoint=False)
    radii = np.ones(OUTLINE_POINTS)
    wear = rng.uniform(0.0, 0.07)
    for order in range(2, 9):
        radii += rng.normal(0.0, wear / order) * np.cos(order * angles + rng.uniform(0, 6.28))
    for _ in range(rng.integers(0, 4) if rng.random() < 0.5 else 0):
        facing = np.cos(angles - rng.uniform(0.0, 2.0 * math.pi))
        flat = rng.uniform(0.82, 0.98) / np.maximum(facing, 0.1)
        radii = np.minimum(radii, flat)
    radii += rng.normal(0.0, rng.uniform(0.0, 0.012), OUTLINE_POINTS)
    points_xy = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points_xy.astype(np.float32)


def coverage(
    outline: FloatArray, centre_xy: tuple[float, float], radius_px: float, size_hw: tuple[int, int]
) -> FloatArray:
    """Return how much of each pixel an outline covers, float32 of shape `size_hw`, 0 to 1."""
    height, width = size_hw
    fine = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.float32)
    points_xy = (outline * radius_px + np.asarray(centre_xy) + 0.5) * SUPERSAMPLING - 0.5
    cv2.fillPoly(fine, [np.round(points_xy).astype(np.int32)], 1.0)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def _strokes(rng: np.random.Generator, side_px: int, radius_px: float) -> FloatArray:
    """Draw the lines of a motif: a few curves and rings, raised by 1, on a square patch."""
    layer = np.zeros((side_px, side_px), np.float32)
    middle = side_px / 2
    thickness = max(1, round(radius_px * rng.uniform(0.04, 0.14)))
    for _ in range(rng.integers(1, 8)):
        steps = np.cumsum(rng.normal(0.0, 0.3 * radius_px, (6, 2)), axis=0)
        points = middle + steps - steps.mean(axis=0) + rng.normal(0.0, 0.2 * radius_px, 2)
        cv2.polylines(layer, [points.astype(np.int32)], False, 1.0, thickness)
    if rng.random() < 0.6:
        ring = max(1, round(radius_px * rng.uniform(0.6, 0.97)))
        cv2.circle(layer, (side_px // 2, side_px // 2), ring, 1.0, thickness)
    return layer


def relief(rng: np.random.Generator, side_px: int, radius_px: float) -> FloatArray:
    """Draw the height of a coin's face on a square patch.

    Returns:
        float32 array of shape (side_px, side_px) in arbitrary units of height.
    """
    height = _strokes(rng, side_px, radius_px) * np.float32(rng.uniform(0.0, 2.0))
    for fraction in (0.6, 0.3, 0.12):
        cell_px = max(1.5, fraction * radius_px)
        height += smooth_noise(rng, (side_px, side_px), cell_px) * np.float32(rng.uniform(0, 0.7))
    return cv2.GaussianBlur(height, (0, 0), max(0.5, 0.03 * radius_px))


def lit(height: FloatArray, light_xy: tuple[float, float]) -> FloatArray:
    """Return the slope towards the light, scaled to a standard deviation of 1 at most."""
    down, right = np.gradient(height)
    slope = -(right * light_xy[0] + down * light_xy[1])
    return (slope / max(float(slope.std()), 1e-3)).astype(np.float32)


def face(
    rng: np.random.Generator, disc: Disc, alpha: FloatArray, light_xy: tuple[float, float]
) -> FloatArray:
    """Paint the face of a coin on its square patch.

    Args:
        rng: source of chance.
        disc: the coin.
        alpha: coverage of the patch, float32 of shape (S, S).
        light_xy: unit vector that points to the light.

    Returns:
        float32 array of shape (S, S, 3), grey levels before limiting.
    """
    side = alpha.shape[0]
    slope = np.clip(lit(relief(rng, side, disc.radius_px), light_xy), -3.0, 3.0)
    grey = disc.tone + slope * np.float32(rng.uniform(4.0, 26.0))
    grey += direction_ramp((side, side), light_xy) * np.float32(rng.uniform(-5.0, 25.0))
    edge = lit(cv2.GaussianBlur(alpha, (0, 0), max(0.6, disc.radius_px * 0.05)), light_xy)
    grey += np.clip(-edge, -3.0, 3.0) * np.float32(rng.uniform(-12.0, 6.0))
    grain = smooth_noise(rng, (side, side), 1.5) * np.float32(rng.uniform(0.0, 10.0))
    return np.clip(grey + grain, 0.0, 255.0)[..., None] * disc.tint_bgr


def paint(
    rng: np.random.Generator, canvas_bgr: FloatArray, disc: Disc, light_xy: tuple[float, float]
) -> npt.NDArray[np.bool_]:
    """Draw a coin and its shadow into a picture, in place.

    Args:
        rng: source of chance.
        canvas_bgr: float32 picture of shape (H, W, 3).
        disc: the coin; it may reach over the edge of the picture.
        light_xy: unit vector that points to the light.

    Returns:
        bool array of shape (H, W): the pixels that the coin covers by half or more.
    """
    height, width = canvas_bgr.shape[:2]
    reach = math.ceil(1.5 * disc.radius_px) + 2
    left, top = math.floor(disc.centre_xy[0]) - reach, math.floor(disc.centre_xy[1]) - reach
    side = 2 * reach + 1
    centre = disc.centre_xy[0] - left, disc.centre_xy[1] - top
    alpha = coverage(worn_outline(rng), centre, disc.radius_px, (side, side))
    painted = face(rng, disc, alpha, light_xy)
    shade = _shadow(rng, alpha, disc.radius_px, light_xy)
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    view, cover = canvas_bgr[rows, columns], alpha[inner][..., None]
    view *= shade[inner][..., None]
    view += (painted[inner] - view) * cover
    mask = np.zeros((height, width), np.bool_)
    mask[rows, columns] = alpha[inner] >= 0.5
    return mask


def _shadow(
    rng: np.random.Generator, alpha: FloatArray, radius_px: float, light_xy: tuple[float, float]
) -> FloatArray:
    """Return the factor by which a coin dims its surroundings, float32 of the shape of `alpha`."""
    length = radius_px * rng.uniform(0.0, 0.2)
    shift = np.array([[1, 0, -light_xy[0] * length], [0, 1, -light_xy[1] * length]], np.float32)
    moved = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    softened = cv2.GaussianBlur(moved, (0, 0), max(0.7, radius_px * rng.uniform(0.03, 0.12)))
    return 1.0 - softened * np.float32(rng.uniform(0.0, 0.7))
