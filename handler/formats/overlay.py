"""The annotated picture: everything that the model says, drawn on the image.

As large as the image that was sent, upright. JPEG is small and quick; PNG changes no pixel that
nothing was drawn on. It carries masks, boxes, rotated boxes, keypoints, semantic and panoptic
segments, proposals (the best 100) and class names, as `handler.drawing` draws them.
"""

import cv2

from handler.drawing import draw_predictions
from handler.errors import InvalidOption
from handler.formats.answer import AnsweredImage

JPEG_CONTENT_TYPE = "image/jpeg"
PNG_CONTENT_TYPE = "image/png"

_JPEG_QUALITY = 90


def encode_overlay(answered: AnsweredImage) -> bytes:
    """Draw one answer as a JPEG.

    Raises:
        ValueError: The model answered with NaN or infinity.
        InvalidOption: The image is larger than a JPEG can be (65,535 pixels on a side).
    """
    height, width = answered.predictions.size_hw
    if max(height, width) > 65535:
        raise InvalidOption(
            f"The image has {width} x {height} pixels, a JPEG at most 65535 on a side; "
            "ask for overlay_png."
        )
    return _encode(answered, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def encode_overlay_png(answered: AnsweredImage) -> bytes:
    """Draw one answer as a PNG.

    Raises:
        ValueError: The model answered with NaN or infinity.
    """
    return _encode(answered, ".png", [])


def _encode(answered: AnsweredImage, extension: str, parameters: list[int]) -> bytes:
    picture = draw_predictions(answered.image_bgr, answered.predictions, answered.metadata)
    done, encoded = cv2.imencode(extension, picture, parameters)
    if not done:
        raise ValueError(f"OpenCV could not write a {extension} of {picture.shape}.")
    body: bytes = encoded.tobytes()
    return body
