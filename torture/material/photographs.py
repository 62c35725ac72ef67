"""Real images for a load: parts of the photograph of coins, each with some on it."""

import cv2
import numpy as np
import numpy.typing as npt

from examples.coins.photograph import load_photograph

_PARTS_XYWH = (
    (0, 0, 384, 303),
    (0, 0, 384, 200),
    (30, 0, 200, 303),
    (60, 40, 300, 130),
    (100, 0, 130, 300),
    (0, 90, 384, 110),
)
"""Of six shapes: the network gets six different sizes, and never stacks two of them in one batch.
What it says of each is then, number for number, what it says of it alone."""

_SIDES = (96, 200, 384, 640, 1024, 1600)


def parts() -> list[bytes]:
    """Six parts of the photograph, as PNG."""
    photograph_bgr = load_photograph()
    return [_png(photograph_bgr[y : y + h, x : x + w]) for x, y, w, h in _PARTS_XYWH]


def mixed_sizes() -> list[bytes]:
    """Parts of the photograph between 96 and 1600 pixels wide, as PNG and JPEG in turns."""
    photograph_bgr = load_photograph()
    images = []
    for number, (x, y, w, h) in enumerate(_PARTS_XYWH):
        part = photograph_bgr[y : y + h, x : x + w]
        for turn in range(2):
            width = _SIDES[(number + 3 * turn) % len(_SIDES)]
            size_wh = (width, max(width * h // w, 1))
            resized = cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA)
            images.append(_png(resized) if turn else _jpeg(resized))
    return images


def _png(image_bgr: npt.NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", image_bgr)[1].tobytes())


def _jpeg(image_bgr: npt.NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", image_bgr)[1].tobytes())
