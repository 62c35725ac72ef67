"""What a photograph has besides its subject: uneven light, stains, clutter, scratches and grain.

Everything here works on a float32 picture `canvas_bgr` of shape (H, W, 3) in grey levels 0 to 255
and draws all of its chance from the generator it is given, so that a seed fixes the picture.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def smooth_noise(rng: np.random.Generator, size_hw: tuple[int, int], cell_px: float) -> FloatArray:
    """Draw noise that varies over about `cell_px` pixels.

    Args:
        rng: source of chance.
        size_hw: height and width of the result in pixels.
        cell_px: distance in pixels between two independent values.

    Returns:
        float32 array of shape `size_hw`, mean about 0, standard deviation about 1.
    """
    height, width = size_hw
    rows, columns = math.ceil(height / cell_px) + 2, math.ceil(width / cell_px) + 2
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    fine_hw = round(rows * cell_px), round(columns * cell_px)
    fine = cv2.resize(coarse, fine_hw[::-1], interpolation=cv2.INTER_CUBIC)
    top, left = (fine_hw[0] - height) // 2, (fine_hw[1] - width) // 2
    return fine[top : top + height, left : left + width]


def direction_ramp(size_hw: tuple[int, int], direction_xy: tuple[float, float]) -> FloatArray:
    """Return a plane that rises from -1 to about 1 along a direction, float32 of shape (H, W)."""
    height, width = size_hw
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    return x * np.float32(direction_xy[0]) + y * np.float32(direction_xy[1])


def random_direction(rng: np.random.Generator) -> tuple[float, float]:
    """Return a unit vector (x, y) of uniform direction."""
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return math.cos(angle), math.sin(angle)


def backdrop(
    rng: np.random.Generator, size_hw: tuple[int, int], tint_bgr: FloatArray
) -> FloatArray:
    """Draw the surface that the coins lie on: a tone under uneven light, with some texture.

    Dark surfaces are three times as frequent as bright ones, as in photographs of collections.

    Args:
        rng: source of chance.
        size_hw: height and width in pixels.
        tint_bgr: float32 of shape (3,), the factor of each channel; ones mean grey.

    Returns:
        float32 picture of shape (H, W, 3), not yet limited to 0 to 255.
    """
    tone = rng.uniform(15.0, 110.0) if rng.random() < 0.75 else rng.uniform(110.0, 230.0)
    light = direction_ramp(size_hw, random_direction(rng)) * rng.uniform(0.0, 40.0)
    clouds = smooth_noise(rng, size_hw, min(size_hw) / 2) * rng.uniform(0.0, 14.0)
    weave = smooth_noise(rng, size_hw, rng.uniform(2.0, 8.0)) * rng.uniform(0.0, 5.0)
    grey = np.clip(tone + light + clouds + weave, 3.0, 250.0).astype(np.float32)
    return grey[..., None] * tint_bgr


def add_stains(rng: np.random.Generator, canvas_bgr: FloatArray) -> None:
    """Darken or lighten a few soft patches in place; their edges are too soft for a coin's."""
    height, width = canvas_bgr.shape[:2]
    for _ in range(rng.integers(0, 4)):
        patch = np.zeros((height, width), np.float32)
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        axes = int(rng.uniform(0.05, 0.3) * width), int(rng.uniform(0.05, 0.3) * height)
        cv2.ellipse(patch, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, cv2.FILLED)
        patch = cv2.GaussianBlur(patch, (0, 0), rng.uniform(6.0, 20.0))
        canvas_bgr += patch[..., None] * np.float32(rng.uniform(-30.0, 30.0))


def add_clutter(rng: np.random.Generator, canvas_bgr: FloatArray) -> None:
    """Lay a few hard-edged things that are no coins: paper tags, bars and letters."""
    height, width = canvas_bgr.shape[:2]
    for _ in range(rng.integers(1, 5)):
        tone = float(rng.uniform(0.0, 255.0))
        centre = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        sides = float(rng.uniform(0.02, 0.35) * width), float(rng.uniform(0.02, 0.2) * height)
        if rng.random() < 0.6:
            corners = cv2.boxPoints((centre, sides, float(rng.uniform(0, 90))))
            corners = corners[: int(rng.integers(3, 5))]
            cv2.fillPoly(canvas_bgr, [corners.astype(np.int32)], (tone,) * 3, cv2.LINE_AA)
        else:
            letters = "".join(chr(int(code)) for code in rng.integers(65, 91, 4))
            origin = int(centre[0]), int(centre[1])
            size = float(rng.uniform(0.3, 1.2))
            thickness = int(rng.integers(1, 3))
            cv2.putText(canvas_bgr, letters, origin, 0, size, (tone,) * 3, thickness, cv2.LINE_AA)


def add_frame(rng: np.random.Generator, canvas_bgr: FloatArray) -> None:
    """Blacken (or whiten) what lies outside a print with rounded corners, in place."""
    height, width = canvas_bgr.shape[:2]
    radius = int(rng.uniform(0.03, 0.15) * min(height, width))
    left, top, right, bottom = (int(side) for side in rng.integers(-radius, radius // 3 + 1, 4))
    inside = np.zeros((height, width), np.float32)
    corners_xy = [
        (left + radius, top + radius),
        (width - right - radius, top + radius),
        (width - right - radius, height - bottom - radius),
        (left + radius, height - bottom - radius),
    ]
    cv2.fillPoly(inside, [np.array(corners_xy, np.int32)], 1.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inside = cv2.GaussianBlur(cv2.dilate(inside, kernel), (0, 0), 0.8)[..., None]
    outside = rng.uniform(0.0, 25.0) if rng.random() < 0.8 else rng.uniform(200.0, 255.0)
    canvas_bgr *= inside
    canvas_bgr += (1.0 - inside) * np.float32(outside)


def add_scratches(rng: np.random.Generator, canvas_bgr: FloatArray) -> None:
    """Draw thin arcs and specks over the whole picture, in place."""
    height, width = canvas_bgr.shape[:2]
    layer = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(0, 6)):
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        axes = int(rng.uniform(0.2, 2.0) * width), int(rng.uniform(0.2, 2.0) * height)
        start = rng.uniform(0, 360)
        depth = float(rng.uniform(-60.0, 60.0))
        cv2.ellipse(layer, centre, axes, 0, start, start + rng.uniform(5, 40), depth, 1)
    for x, y in rng.integers((0, 0), (width, height), (int(rng.integers(0, 40)), 2)):
        cv2.circle(
            layer, (int(x), int(y)), int(rng.integers(0, 2)), float(rng.uniform(-90, 90)), -1
        )
    canvas_bgr += cv2.GaussianBlur(layer, (0, 0), 0.6)[..., None]


def add_vignette(rng: np.random.Generator, canvas_bgr: FloatArray) -> None:
    """Dim the picture towards its edges, in place."""
    size_hw = canvas_bgr.shape[0], canvas_bgr.shape[1]
    squared = direction_ramp(size_hw, (1.0, 0.0)) ** 2 + direction_ramp(size_hw, (0.0, 1.0)) ** 2
    canvas_bgr *= (1.0 - np.float32(rng.uniform(0.0, 0.3)) * squared)[..., None]


def develop(rng: np.random.Generator, canvas_bgr: FloatArray) -> npt.NDArray[np.uint8]:
    """Pass the picture through a camera: focus, sharpening, contrast, grain and JPEG.

    Returns:
        uint8 array of shape (H, W, 3).
    """
    picture = cv2.GaussianBlur(canvas_bgr, (0, 0), rng.uniform(0.3, 1.1))
    if rng.random() < 0.5:
        halo = picture - cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.0, 3.0))
        picture = picture + halo * np.float32(rng.uniform(0.2, 1.5))
    picture = (picture - 128.0) * np.float32(rng.uniform(0.8, 1.2)) + 128.0 + rng.uniform(-10, 10)
    grain = rng.standard_normal(picture.shape[:2], np.float32)[..., None]
    developed = np.clip(picture + grain * np.float32(rng.uniform(0.0, 9.0)), 0, 255)
    developed = developed.astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
        developed = cv2.imdecode(cv2.imencode(".jpg", developed, quality)[1], cv2.IMREAD_COLOR)
    return developed
