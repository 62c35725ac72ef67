"""Annotated pictures in files."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from client.drawing import draw
from client.errors import ClientError
from client.predictions import Predictions
from client.writing import replacing


def draw_file(image: Path, predictions: Predictions, picture: Path) -> None:
    """Draw what was found in an image file.

    Args:
        image: The file that was asked about.
        predictions: Of it.
        picture: Where the picture goes, in the format of its suffix.

    Raises:
        ClientError: OpenCV cannot read the image, or the picture cannot be written.
    """
    image_bgr = read_picture(image, predictions.size_hw)
    write_picture(drawn_on(image_bgr, predictions, what=str(image)), picture)


def drawn_on(
    image_bgr: npt.NDArray[np.uint8], predictions: Predictions, *, what: str
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8, BGR: an image with what was found in it.

    Args:
        image_bgr: (H, W, 3) uint8.
        predictions: Of it.
        what: The image, for sentences.

    Raises:
        ClientError: The answer is of another size, or cannot be drawn.
    """
    try:
        return draw(image_bgr, predictions)
    except (cv2.error, ValueError) as error:
        reason = str(error).rstrip(".")
        raise ClientError(f"{what} is answered, but cannot be drawn on: {reason}.") from error


def read_picture(image: Path, size_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8, BGR: an image file, upright.

    Args:
        image: The file.
        size_hw: As the server sees it.

    Raises:
        ClientError: OpenCV cannot read it, or sees another size.
    """
    try:
        encoded = np.fromfile(image, np.uint8)
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except (OSError, cv2.error) as error:
        raise ClientError(f"{image} is answered, but cannot be drawn on: {error}.") from error
    if pixels is None:
        raise ClientError(f"{image} is answered, but cannot be drawn on: OpenCV cannot read it.")
    if pixels.shape[:2] != size_hw:
        raise ClientError(
            f"{image} is answered, but cannot be drawn on: OpenCV reads {pixels.shape[1]} x "
            f"{pixels.shape[0]} pixels, the server {size_hw[1]} x {size_hw[0]}."
        )
    return np.asarray(pixels, np.uint8)


def write_picture(picture_bgr: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a picture, whole or not at all.

    Raises:
        ClientError: It has no place, or is too large for its format.
    """
    try:
        done, encoded = cv2.imencode(path.suffix, picture_bgr)
    except cv2.error as error:
        raise ClientError(f"{path} cannot be written: {error}.") from error
    if not done:
        raise ClientError(f"{path} cannot be written: OpenCV does not write such a {path.suffix}.")
    with replacing(path) as temp:
        temp.write_bytes(encoded.tobytes())


def remove_picture(path: Path) -> None:
    """Take away a picture, or a video, of an earlier answer, where there is one.

    Raises:
        ClientError: It is there and stays.
    """
    try:
        if path.is_file():
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ClientError(f"{path} is of an earlier answer, and stays: {error}.") from error
