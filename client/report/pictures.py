"""Image files and masks -> what a page has of them: small JPEGs and outlines."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from client.predictions import Rle, decode_rle

LONGEST_SIDE = 640
"""Of a picture in a page, in pixels."""

_QUALITY = 82


@dataclass(frozen=True)
class Thumbnail:
    """A small picture.

    Attributes:
        src: A data URI.
        width: In pixels.
        height: In pixels.
        scale: Its size by that of the image.
    """

    src: str
    width: int
    height: int
    scale: float


def thumbnail(
    path: str | os.PathLike[str], size_hw: tuple[int, int], longest_side: int = LONGEST_SIDE
) -> Thumbnail | None:
    """A small picture of an image file, upright.

    Args:
        path: Of the file.
        size_hw: Of the image that the model saw: height and width, in pixels.
        longest_side: Of the picture, in pixels; images are not enlarged.

    Returns:
        None where OpenCV cannot read it, or reads another size: shapes would lie beside what they
        are of.
    """
    image = _read(Path(path))
    if image is None or image.shape[:2] != size_hw:
        return None
    height, width = size_hw
    scale = min(1.0, longest_side / max(height, width))
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    src = f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"
    return Thumbnail(src, *size_wh, scale)


def _read(path: Path) -> npt.NDArray[np.uint8] | None:
    # By its bytes: OpenCV opens no file whose name is not UTF-8.
    try:
        encoded = np.fromfile(path, np.uint8)
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except (OSError, cv2.error):
        return None


def outline(rle: Rle, scale: float) -> str:
    """The outline of a mask as path data of SVG.

    Args:
        rle: The mask.
        scale: Of the picture that it is drawn on.
    """
    contours, _ = cv2.findContours(
        decode_rle(rle).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    # Half a pixel of the picture is not seen.
    smooth = (cv2.approxPolyDP(contour, 0.5 / scale, closed=True) for contour in contours)
    return "".join(_path(contour[:, 0], scale) for contour in smooth)


def _path(points_xy: npt.NDArray[np.int32], scale: float) -> str:
    # A contour runs through the centres of pixels.
    rounded = np.round((points_xy + 0.5) * scale, 1)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in rounded.tolist()) + "Z"
