"""Images for tests, drawn on the spot."""

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image


def noise_bgr(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8 of seeded noise, in blocks, so that a network finds something."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width])


def png(image_bgr: npt.NDArray[np.uint8]) -> bytes:
    """Encode without loss."""
    done, encoded = cv2.imencode(".png", image_bgr)
    assert done
    return encoded.tobytes()


def pillow_bytes(image: Image.Image, format: str, **options: object) -> bytes:
    """Encode with Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
