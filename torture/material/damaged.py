"""Whole images of every format that is accepted -> damaged ones, the same for the same seed."""

import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Damage = Callable[[bytes, random.Random], bytes]

_SIZES_WH = ((240, 24), (120, 90))
"""Long ones cost the network little, which is not what is tried here."""

_HEADER = 64  # bytes in which sizes, depths and offsets stand
_SAVED: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {"quality": 85}),
    "progressive JPEG": ("JPEG", {"quality": 85, "progressive": True}),
    "PNG": ("PNG", {}),
    "WEBP": ("WEBP", {"quality": 80}),
    "WEBP without loss": ("WEBP", {"lossless": True}),
    "TIFF": ("TIFF", {}),
    "TIFF LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF JPEG": ("TIFF", {"compression": "jpeg"}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
}


def whole_images() -> dict[str, bytes]:
    """An encoded image for each format and size, by name."""
    images = {}
    for width, height in _SIZES_WH:
        drawn = Image.fromarray(_drawn_rgb(width, height))
        for name, (format_name, options) in _SAVED.items():
            buffer = io.BytesIO()
            image = drawn.quantize(64) if format_name == "GIF" else drawn
            image.save(buffer, format_name, **options)
            images[f"{name} {width} x {height}"] = buffer.getvalue()
    return images


def damaged_images(count: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Damage images, formats and damages in turns.

    Args:
        count: How many.
        seed: Chooses what is damaged where.

    Yields:
        A name that says what was done to what, and the bytes.
    """
    chance = random.Random(seed)
    whole = list(whole_images().items())
    for number in range(count):
        image, content = whole[number % len(whole)]
        damage = chance.choice(list(DAMAGES))
        yield f"{image}, {damage}", DAMAGES[damage](content, chance)


def _drawn_rgb(width: int, height: int) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8: a gradient with discs and some noise."""
    across, down = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    image = np.stack([across, down, 200 - across], axis=-1).astype(np.uint8)
    for number in range(5):
        centre = (width * (number + 1) // 6, height // 2)
        cv2.circle(image, centre, height // 3, (40 * number, 255 - 40 * number, 90), -1)
    noise = np.random.default_rng(0).integers(0, 30, image.shape, dtype=np.uint8)
    return np.asarray(image + noise, dtype=np.uint8)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def _flip(content: bytes, chance: random.Random, *, end: int | None = None) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 9)):
        at = chance.randrange(min(end or len(content), len(content)))
        changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _flip_header(content: bytes, chance: random.Random) -> bytes:
    return _flip(content, chance, end=_HEADER)


def _overwrite(content: bytes, chance: random.Random) -> bytes:
    start, end = _run(content, chance)
    length = end - start
    filler = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return content[:start] + filler + content[end:]


def _remove(content: bytes, chance: random.Random) -> bytes:
    start, end = _run(content, chance)
    return content[:start] + content[end:] or b"\0"


def _repeat(content: bytes, chance: random.Random) -> bytes:
    start, end = _run(content, chance)
    return content[:end] + content[start:]


def _run(content: bytes, chance: random.Random) -> tuple[int, int]:
    """Where a run of up to a quarter of the file begins and ends."""
    start = chance.randrange(len(content))
    return start, min(start + chance.randrange(1, max(len(content) // 4, 2)), len(content))


DAMAGES: dict[str, Damage] = {
    "cut off": _cut,
    "bits flipped": _flip,
    "bits of its head flipped": _flip_header,
    "a run overwritten": _overwrite,
    "a run missing": _remove,
    "a run twice": _repeat,
}
