"""Thirty-two JPEGs made from the photographs of the scikit-image wheel.

Twelve of one shape show 0 to 40 coins, the same photograph in four sizes says what pixels cost, and
the rest are upright, large, or show something else altogether.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from benchmarks.errors import BenchmarkError

Pixels = npt.NDArray[np.uint8]

PHOTOGRAPH = "coins x1"
"""Name of the photograph of 24 coins as scikit-image has it, 303 x 384."""

_ROW_ENDS = (0, 88, 158, 226)
_COLUMN_ENDS = (0, 72, 128, 182, 243, 303, 384)
"""Pixels between the first three rows, and all columns, of the 24 coins on `coins.png`."""

_LADDER = {
    **{1: (1, 1), 2: (1, 2), 4: (1, 4), 6: (1, 6)},
    **{8: (2, 4), 12: (2, 6), 15: (3, 5), 18: (3, 6)},
}
"""Number of coins: rows and columns of a part of that photograph."""

_BACKGROUND = 60  # grey level
_QUALITY = 90


@dataclass(frozen=True)
class Image:
    """One file that is sent.

    Attributes:
        name: What it shows.
        jpeg: The file's content.
        size_hw: Height and width, in pixels.
    """

    name: str
    jpeg: bytes
    size_hw: tuple[int, int]

    @property
    def pixels(self) -> int:
        """Height x width."""
        return self.size_hw[0] * self.size_hw[1]


def material() -> list[Image]:
    """The files, in an order in which any few neighbours are a mixture; the same every time.

    `PHOTOGRAPH` comes first.

    Raises:
        BenchmarkError: scikit-image is missing, or came without its photographs.
    """
    images = [_encoded(name, image_bgr) for name, image_bgr in _pictures()]
    order = np.random.default_rng(0).permutation(len(images))
    mixed = [images[index] for index in order]
    return sorted(mixed, key=lambda image: image.name != PHOTOGRAPH)


def decode(jpeg: bytes) -> Pixels:
    """A JPEG as most handlers decode it: (H, W, 3) uint8, BGR."""
    image_bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image_bgr is None:
        raise BenchmarkError("OpenCV cannot decode a JPEG that it has encoded.")
    return np.asarray(image_bgr, np.uint8)


def _encoded(name: str, image_bgr: Pixels) -> Image:
    _, encoded = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return Image(name, encoded.tobytes(), (image_bgr.shape[0], image_bgr.shape[1]))


def _pictures() -> Iterator[tuple[str, Pixels]]:
    coins = _photograph("coins.png")
    ladder = dict(_ladder(coins))
    for count, picture in ladder.items():
        yield f"{count} coins", picture
    for factor in (1, 2, 3, 4):
        yield f"coins x{factor}", _scaled(coins, factor)
    yield "coins, upright", _turned(coins)
    yield "coins x2, upright", _turned(_scaled(coins, 2))
    yield "12 coins, upright", _turned(ladder[12])
    yield "24 coins, upright", _turned(ladder[24])
    chelsea, coffee = _photograph("chelsea.png"), _photograph("coffee.png")
    yield "cat", chelsea
    yield "cat, upright", _turned(chelsea)
    yield "coffee", coffee
    yield "coffee x2", _scaled(coffee, 2)
    for name in ("astronaut.png", "rocket.jpg", "motorcycle_left.png", "ihc.png", "camera.png"):
        yield Path(name).stem, _photograph(name)
    yield "galaxies", _photograph("hubble_deep_field.jpg")
    yield "page", _photograph("page.png")
    # 4.5 megapixels, and nothing on it that either model takes for many objects.
    yield "retina x1.5", _scaled(_photograph("retina.jpg"), 1.5)


def _ladder(coins: Pixels) -> Iterator[tuple[int, Pixels]]:
    """Pictures of 640 x 480 with so many coins, as large as they are on the photograph."""
    yield 0, _on_background()
    for count, (rows, columns) in _LADDER.items():
        yield count, _on_background((_part(coins, rows, columns), (60, 60)))
    more, last = _part(coins, 3, 4), _part(coins, 1, 4)
    yield 24, _on_background((coins, (0, 0)))
    yield 36, _on_background((coins, (0, 0)), (more, (384, 0)))
    yield 40, _on_background((coins, (0, 0)), (more, (384, 0)), (last, (60, 320)))


def _part(coins: Pixels, rows: int, columns: int) -> Pixels:
    return coins[: _ROW_ENDS[rows], : _COLUMN_ENDS[columns]]


def _on_background(*parts: tuple[Pixels, tuple[int, int]]) -> Pixels:
    """A picture of 640 x 480 with parts of another one at (x, y)."""
    picture = np.full((480, 640, 3), _BACKGROUND, np.uint8)
    for part, (left, top) in parts:
        height, width = part.shape[:2]
        picture[top : top + height, left : left + width] = part
    return picture


def _scaled(image_bgr: Pixels, factor: float) -> Pixels:
    return cv2.resize(  # type: ignore[no-any-return]
        image_bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC
    )


def _turned(image_bgr: Pixels) -> Pixels:
    return np.ascontiguousarray(np.rot90(image_bgr, -1))


def _photograph(name: str) -> Pixels:
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise BenchmarkError("The photographs come with scikit-image, which is not installed.")
    path = Path(spec.origin).parent / "data" / name
    if not path.is_file():
        raise BenchmarkError(f"The installed scikit-image has no photograph at {path}.")
    with PIL.Image.open(path) as photograph:
        image_rgb = np.asarray(photograph.convert("RGB"))
    return np.ascontiguousarray(image_rgb[:, :, ::-1])
