"""Drawn scenes of coins with exact masks; no photograph takes part.

`draw_scene` is pure: the same generator state and size give the same picture and masks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from examples.coins import discs, textures
from examples.coins.textures import FloatArray

SMALLEST_SIDE_PX = 32
EMPTY_SHARE = 0.06
# Coins are drawn relative to a picture of this height, so that larger scenes hold larger coins.
NOMINAL_SIDE_PX = 256
RADIUS_RANGE_PX = (6.0, 60.0)
# Below this many visible pixels a coin is a speck, and asking for it would teach false alarms.
SMALLEST_MASK_PX = 40


@dataclass(frozen=True)
class Scene:
    """A drawn picture and the truth about it.

    Attributes:
        image_bgr: uint8 array of shape (H, W, 3).
        masks: bool array of shape (N, H, W), the visible pixels of each coin; no pixel belongs
            to two coins. N is 0 for an empty scene.
    """

    image_bgr: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.bool_]


Circle = tuple[float, float, float]
"""Centre x, centre y and radius, in pixels."""


def draw_scene(rng: np.random.Generator, size_hw: tuple[int, int]) -> Scene:
    """Draw one scene.

    Args:
        rng: source of all chance.
        size_hw: height and width in pixels, each at least 32.

    Returns:
        The picture and one mask for each coin that can be seen.

    Raises:
        ValueError: a side is shorter than 32 pixels.
    """
    if min(size_hw) < SMALLEST_SIDE_PX:
        raise ValueError(
            f"A scene needs at least {SMALLEST_SIDE_PX} pixels in height and width; "
            f"size_hw is {size_hw}."
        )
    coloured = rng.random() < 0.4
    canvas = textures.backdrop(rng, size_hw, _tint(rng, coloured))
    for probability, add in (
        (0.4, textures.add_stains),
        (0.25, textures.add_clutter),
        (0.4, textures.add_frame),
    ):
        if rng.random() < probability:
            add(rng, canvas)
    circles = [] if rng.random() < EMPTY_SHARE else _arrange(rng, size_hw)
    masks = _paint_all(rng, canvas, circles, coloured)
    textures.add_scratches(rng, canvas)
    textures.add_vignette(rng, canvas)
    return Scene(textures.develop(rng, canvas), masks)


def _tint(rng: np.random.Generator, coloured: bool) -> FloatArray:
    """Return the channel factors of a surface: ones for grey, else a mild colour."""
    if not coloured:
        return np.ones(3, np.float32)
    warmth = rng.uniform(-0.1, 0.45)
    metal = np.array([1.0 - warmth, 1.0 - 0.25 * warmth, 1.0 + 0.1 * warmth])
    return (metal * rng.uniform(0.92, 1.08, 3)).astype(np.float32)


def _arrange(rng: np.random.Generator, size_hw: tuple[int, int]) -> list[Circle]:
    """Choose where coins lie: on a tray in rows, scattered, or pushed against each other."""
    scale = min(size_hw) / NOMINAL_SIDE_PX
    typical = scale * math.exp(rng.uniform(math.log(9.0), math.log(45.0)))
    chance = rng.random()
    if chance < 0.4:
        return _on_a_tray(rng, size_hw, typical)
    return _scattered(rng, size_hw, typical, touching=chance > 0.75)


def _radius(rng: np.random.Generator, typical: float, scale: float) -> float:
    low, high = RADIUS_RANGE_PX
    return float(np.clip(typical * math.exp(rng.normal(0.0, 0.22)), low * scale, high * scale))


def _on_a_tray(rng: np.random.Generator, size_hw: tuple[int, int], typical: float) -> list[Circle]:
    """Lay coins in jittered rows; each stays within its own cell of the grid."""
    height, width = size_hw
    pitch = typical * rng.uniform(2.3, 3.4)
    rows, columns = max(1, int(height / pitch)), max(1, int(width / pitch))
    cell_h, cell_w = height / rows, width / columns
    skipped = rng.uniform(0.0, 0.4)
    circles = []
    for row, column in np.ndindex(rows, columns):
        radius = min(
            _radius(rng, typical, min(size_hw) / NOMINAL_SIDE_PX), 0.49 * min(cell_h, cell_w)
        )
        slack_x, slack_y = cell_w / 2 - radius, cell_h / 2 - radius
        x = (column + 0.5) * cell_w + rng.uniform(-slack_x, slack_x)
        y = (row + 0.5) * cell_h + rng.uniform(-slack_y, slack_y)
        if rng.random() >= skipped:
            circles.append((x, y, radius))
    return circles


def _scattered(
    rng: np.random.Generator, size_hw: tuple[int, int], typical: float, touching: bool
) -> list[Circle]:
    """Throw coins at random; where `touching`, each next one is pushed against another."""
    height, width = size_hw
    wanted = int(rng.integers(1, 26))
    circles: list[Circle] = []
    for _ in range(4 * wanted):
        radius = _radius(rng, typical, min(size_hw) / NOMINAL_SIDE_PX)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if touching and circles:
            near_x, near_y, near_radius = circles[int(rng.integers(len(circles)))]
            angle, gap = rng.uniform(0, 2 * math.pi), rng.uniform(0.97, 1.05)
            x = near_x + math.cos(angle) * gap * (radius + near_radius)
            y = near_y + math.sin(angle) * gap * (radius + near_radius)
        if _is_free((x, y, radius), circles, size_hw):
            circles.append((x, y, radius))
        if len(circles) == wanted:
            break
    return circles


def _is_free(circle: Circle, others: list[Circle], size_hw: tuple[int, int]) -> bool:
    """Tell whether most of a coin is inside the picture and it overlaps others by little."""
    x, y, radius = circle
    margin = 0.4 * radius
    inside = margin <= x <= size_hw[1] - margin and margin <= y <= size_hw[0] - margin
    return inside and all(
        math.hypot(x - other_x, y - other_y) > 0.95 * (radius + other_radius)
        for other_x, other_y, other_radius in others
    )


def _paint_all(
    rng: np.random.Generator, canvas_bgr: FloatArray, circles: list[Circle], coloured: bool
) -> npt.NDArray[np.bool_]:
    """Paint the coins one over the other and return what stays visible of each, (N, H, W)."""
    light = textures.random_direction(rng)
    contrast = rng.uniform(30.0, 110.0) * (1.0 if rng.random() < 0.8 else -1.0)
    masks: list[npt.NDArray[np.bool_]] = []
    for x, y, radius in circles:
        surface = float(
            canvas_bgr[_inside(y, canvas_bgr.shape[0]), _inside(x, canvas_bgr.shape[1])].mean()
        )
        tone = _tone(rng, surface, contrast)
        disc = discs.Disc((x, y), radius, tone, _tint(rng, coloured))
        mask = discs.paint(rng, canvas_bgr, disc, light)
        masks = [earlier & ~mask for earlier in masks] + [mask]
    seen = [mask for mask in masks if mask.sum() >= SMALLEST_MASK_PX]
    return np.array(seen, np.bool_).reshape(-1, *canvas_bgr.shape[:2])


def _inside(coordinate: float, length: int) -> int:
    return min(max(round(coordinate), 0), length - 1)


def _tone(rng: np.random.Generator, surface: float, contrast: float) -> float:
    """Choose a coin's grey level, on the other side of the surface where there is no room."""
    own = contrast * rng.uniform(0.5, 1.3)
    if not 20.0 <= surface + own <= 250.0:
        own = -own
    return float(np.clip(surface + own, 15.0, 250.0))
