"""Image bytes -> `image_bgr`, as Detectron2's `read_image` gives it in training.

Pillow decodes, because Detectron2 trains on what Pillow decodes: EXIF orientation applied, every
mode converted to RGB. A truncated file is refused, not half-decoded. (TIFF with an orientation is
the one difference: Pillow turns it already, and Detectron2 once more.)
"""

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from handler.errors import ImageTooLarge, UndecodableImage

# Our own limit is read from the header for every request; Pillow's global one only warns.
Image.MAX_IMAGE_PIXELS = None

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF 6.0, section 15

_START_OF_SCAN, _MAX_SCANS = b"\xff\xda", 100

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""Decoders that a client's bytes may reach; Pillow has dozens more, rarely used and rarely read."""


def decode_image(image_bytes: bytes, *, max_pixels: int) -> npt.NDArray[np.uint8]:
    """Decode one image.

    Args:
        image_bytes: An encoded image in one of `FORMATS`. Of an animation or a multi-page file the
            first frame is taken.
        max_pixels: Largest accepted width x height, checked on the header before any pixel is
            decoded.

    Returns:
        `image_bgr`, (H, W, 3) uint8, C-contiguous, upright.

    Raises:
        UndecodableImage: Not an image of `FORMATS`, damaged, or cut off.
        ImageTooLarge: More than `max_pixels`.
    """
    try:
        with Image.open(io.BytesIO(image_bytes), formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageTooLarge(
                    f"The image has {width} x {height} = {width * height} pixels, "
                    f"at most {max_pixels} are accepted."
                )
            _check_tiles(image, max_pixels)
            _check_scans(image, image_bytes)
            # In place, and converted where it has to be: each would be a copy otherwise.
            ImageOps.exif_transpose(image, in_place=True)
            image_rgb = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except (ImageTooLarge, UndecodableImage, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UndecodableImage(
            f"The {len(image_bytes)} bytes received are not an image; "
            f"accepted are {', '.join(FORMATS)}."
        ) from None
    except Exception as error:
        # Decoders raise what they like on damaged files: OSError, ValueError, SyntaxError,
        # EOFError, struct.error, ...
        raise UndecodableImage(f"The image is damaged or cut off: {error}.") from error
    # The copy of a reversed view takes as long as decoding does.
    image_bgr: npt.NDArray[np.uint8] = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    return image_bgr


def _check_tiles(image: Image.Image, max_pixels: int) -> None:
    """A TIFF may be cut into tiles that are larger than itself; each is decoded whole."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return
    width, height = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image has tiles of {width} x {height} = {width * height} pixels, "
            f"at most {max_pixels} are accepted."
        )


def _check_scans(image: Image.Image, image_bytes: bytes) -> None:
    """A progressive JPEG may go over its pixels as often as it says, in 42 bytes each time."""
    if image.info.get("progressive") and image_bytes.count(_START_OF_SCAN) > _MAX_SCANS:
        raise UndecodableImage(
            f"The image is a progressive JPEG of more than {_MAX_SCANS} scans, which no camera or "
            "program writes."
        )
