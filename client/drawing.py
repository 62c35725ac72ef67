"""Detections drawn on their image."""

import colorsys

import cv2
import numpy as np
import numpy.typing as npt

from client.detections import Detections

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN_RATIO = 0.618034  # hues this far apart never come close to one another


def draw(
    image_bgr: npt.NDArray[np.uint8], detections: Detections, *, scale: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Draw masks, boxes and scores.

    Args:
        image_bgr: (H, W, 3) uint8, the image that the detections are of; it is not changed.
        detections: What was found.
        scale: Enlarges the picture before drawing, so that small objects stay readable.

    Returns:
        (scale * H, scale * W, 3) uint8.
    """
    picture: npt.NDArray[np.uint8] = cv2.resize(
        image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC
    )
    for index in range(len(detections)):
        colour = _colour(index)
        if detections.masks is not None:
            _draw_mask(picture, detections.masks[index], colour)
        _draw_label(picture, detections, index, colour, scale)
    return picture


def _draw_mask(
    picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], colour: tuple[int, int, int]
) -> None:
    height, width = picture.shape[:2]
    enlarged = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    inside = enlarged.astype(bool)
    picture[inside] = (0.65 * picture[inside] + 0.35 * np.array(colour)).astype(np.uint8)
    contours, _ = cv2.findContours(enlarged, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, colour, thickness=2, lineType=cv2.LINE_AA)


def _draw_label(
    picture: npt.NDArray[np.uint8],
    detections: Detections,
    index: int,
    colour: tuple[int, int, int],
    scale: float,
) -> None:
    x0, y0, x1, y1 = (round(float(value) * scale) for value in detections.boxes_xyxy[index])
    if detections.masks is None:
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, thickness=2)
    text = f"{detections.class_names[index]} {detections.scores[index]:.2f}"
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.4, 1)
    left, bottom = max(x0, 0), max(y0 - 2, height + 4)
    cv2.rectangle(picture, (left, bottom - height - 4), (left + width + 4, bottom), (0, 0, 0), -1)
    cv2.putText(picture, text, (left + 2, bottom - 3), _FONT, 0.4, (255, 255, 255), 1, cv2.LINE_AA)


def _colour(index: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN_RATIO % 1.0, 0.85, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)
