"""Predictions drawn on their image. Pure functions of numpy and OpenCV.

Detectron2's own `Visualizer` draws through matplotlib, which takes many times as long and keeps
global state; what it shows is shown here: masks, boxes, rotated boxes, keypoints, semantic and
panoptic segments, proposals, and names in the colours of the model's metadata.
"""

import unicodedata
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from handler.metadata import ClassInfo, Metadata
from handler.polygons import mask_extent, rotated_box_corners
from handler.predictions import Objects, Panoptic, Predictions, Proposals

Picture: TypeAlias = npt.NDArray[np.uint8]
Bgr: TypeAlias = tuple[int, int, int]

KEYPOINT_THRESHOLD = 0.05
"""Keypoints of a lower score are not drawn; the value of Detectron2's `Visualizer`."""

MAX_PROPOSALS = 100
"""Only the best are drawn: a thousand boxes hide the image."""

_OPACITY = 0.45
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE: Bgr = (255, 255, 255)
_BLACK: Bgr = (0, 0, 0)
_FAR = 1_000_000  # pixels; beyond it OpenCV's integers overflow


def draw_predictions(image_bgr: Picture, predictions: Predictions, metadata: Metadata) -> Picture:
    """Draw everything that a model says of an image.

    Where there is a panoptic segmentation, it takes the place of the instances' masks and of the
    semantic segmentation, which it is made of.

    Args:
        image_bgr: (H, W, 3) uint8, of `predictions.size_hw`; it is not changed.
        predictions: What the model says.
        metadata: Names and colours of its classes.

    Returns:
        (H, W, 3) uint8, BGR.

    Raises:
        ValueError: The model answered with NaN or infinity.
    """
    _require_finite(predictions)
    picture = image_bgr.copy()
    if predictions.panoptic is not None:
        _draw_panoptic(picture, predictions.panoptic, metadata)
    elif predictions.semantic is not None:
        _draw_semantic(picture, predictions.semantic, metadata)
    if predictions.proposals is not None:
        _draw_proposals(picture, predictions.proposals)
    _draw_objects(picture, predictions.objects, metadata, masks=predictions.panoptic is None)
    return picture


def printable(name: str, class_id: int) -> str:
    """A name in the characters that OpenCV's font has: printable ASCII.

    Accents are taken off ("dög" is "dog"), other characters become "?". Where nothing readable is
    left, it is the class id ("#3").
    """
    decomposed = unicodedata.normalize("NFKD", name)
    base = [character for character in decomposed if not unicodedata.combining(character)]
    text = "".join(one if one.isascii() and one.isprintable() else "?" for one in base)
    return text if any(character.isalnum() for character in text) else f"#{class_id}"


def _require_finite(predictions: Predictions) -> None:
    objects, proposals = predictions.objects, predictions.proposals
    numbers = [objects.boxes_xyxy, objects.scores, objects.keypoints, objects.rotated_boxes]
    if proposals is not None:
        numbers.append(proposals.boxes_xyxy)
    if not all(np.isfinite(one).all() for one in numbers if one is not None):
        raise ValueError("The model answered with NaN or infinity, which cannot be drawn.")


def _draw_panoptic(picture: Picture, panoptic: Panoptic, metadata: Metadata) -> None:
    for one in panoptic.segments:
        class_info = metadata.segment_class_of(one.class_id, is_thing=one.is_thing)
        _draw_segment(picture, panoptic.segment_map == one.id, class_info, one.class_id)


def _draw_semantic(picture: Picture, class_map: npt.NDArray[np.int64], metadata: Metadata) -> None:
    for class_id in np.unique(class_map).tolist():
        class_info = metadata.stuff_class_of(class_id)
        _draw_segment(picture, class_map == class_id, class_info, class_id)


def _draw_segment(
    picture: Picture, mask: npt.NDArray[np.bool_], class_info: ClassInfo, class_id: int
) -> None:
    _draw_mask(picture, mask, _bgr(class_info))
    if (middle_xy := _middle(mask)) is not None:
        _draw_text(picture, printable(class_info.name, class_id), middle_xy, _bgr(class_info))


def _draw_proposals(picture: Picture, proposals: Proposals) -> None:
    for box_xyxy in proposals.boxes_xyxy[:MAX_PROPOSALS][::-1]:
        x0, y0, x1, y1 = _pixels(box_xyxy)
        cv2.rectangle(picture, (x0, y0), (x1, y1), _WHITE, 1)


def _draw_objects(picture: Picture, objects: Objects, metadata: Metadata, *, masks: bool) -> None:
    # The best are drawn last, on top; names after all shapes, so that none is covered.
    best_last = range(len(objects) - 1, -1, -1)
    class_ids = objects.class_ids.tolist()
    for index in best_last:
        color_bgr = _bgr(metadata.class_of(class_ids[index]))
        if objects.masks is not None and masks:
            _draw_mask(picture, objects.masks[index], color_bgr)
        corners_xy = _outline(objects, index)
        cv2.polylines(picture, [corners_xy], True, color_bgr, _thickness(picture), cv2.LINE_AA)
        if objects.keypoints is not None:
            _draw_keypoints(picture, objects.keypoints[index], color_bgr)
    for index in best_last:
        class_info = metadata.class_of(class_ids[index])
        name = printable(class_info.name, class_ids[index])
        x, y = _outline(objects, index).min(axis=0).tolist()
        _draw_text(picture, f"{name} {objects.scores[index]:.0%}", (x, y), _bgr(class_info))


def _outline(objects: Objects, index: int) -> npt.NDArray[np.int32]:
    """(4, 2) int32, the corners of the box, upright or rotated."""
    if objects.rotated_boxes is not None:
        return np.array(_pixels(rotated_box_corners(objects.rotated_boxes[index]))).reshape(4, 2)
    x0, y0, x1, y1 = _pixels(objects.boxes_xyxy[index])
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)


def _draw_keypoints(picture: Picture, keypoints: npt.NDArray[np.float32], color_bgr: Bgr) -> None:
    radius = 1 + _thickness(picture)
    for x, y, score in keypoints:
        if score >= KEYPOINT_THRESHOLD:
            # A pixel's centre is at its index + 0.5.
            column, row = _pixels(np.array([x, y]) - 0.5)
            cv2.circle(picture, (column, row), radius + 1, _BLACK, -1, cv2.LINE_AA)
            cv2.circle(picture, (column, row), radius, color_bgr, -1, cv2.LINE_AA)


def _draw_mask(picture: Picture, mask: npt.NDArray[np.bool_], color_bgr: Bgr) -> None:
    box_xyxy = mask_extent(mask)
    if box_xyxy is None:
        return
    left, top, right, bottom = box_xyxy
    inside, crop = mask[top:bottom, left:right], picture[top:bottom, left:right]
    shades = np.arange(256)[:, None] * (1 - _OPACITY) + np.array(color_bgr) * _OPACITY
    tinted = cv2.LUT(crop, shades.round().astype(np.uint8)[:, None, :])
    np.copyto(crop, tinted, where=inside[:, :, None])
    outlines, _ = cv2.findContours(
        inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
    )
    cv2.drawContours(picture, outlines, -1, color_bgr, 1)


def _middle(mask: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """X and y of a pixel about as far inside a mask as any; None of an empty one."""
    box_xyxy = mask_extent(mask)
    if box_xyxy is None:
        return None
    left, top, right, bottom = box_xyxy
    # A coarse look is enough for a name, and takes no time in large images.
    step = 1 + max(right - left, bottom - top) // 200
    coarse = np.pad(mask[top:bottom:step, left:right:step], 1).astype(np.uint8)
    if not coarse.any():
        row, column = np.argwhere(mask[top:bottom, left:right])[0].tolist()
        return left + column, top + row
    depth = cv2.distanceTransform(coarse, cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return left + (int(column) - 1) * step, top + (int(row) - 1) * step


def _draw_text(picture: Picture, text: str, at_xy: tuple[int, int], color_bgr: Bgr) -> None:
    """Write on a ground of the given colour, above the point, inside the picture if it fits."""
    height, width = picture.shape[:2]
    scale = min(max(max(height, width) / 1600, 0.4), 2.0)
    stroke = 1 if scale < 1 else 2
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, stroke)
    left = max(min(at_xy[0], width - text_width - 2), 0)
    bottom = min(max(at_xy[1], text_height + below), height - 1)
    corner_xy = (left + text_width + 2, bottom - text_height - below)
    cv2.rectangle(picture, (left, bottom), corner_xy, color_bgr, -1)
    blue, green, red = color_bgr
    is_light = 0.114 * blue + 0.587 * green + 0.299 * red > 140  # luma of ITU-R BT.601
    ink = _BLACK if is_light else _WHITE
    origin_xy = (left + 1, bottom - below // 2)
    cv2.putText(picture, text, origin_xy, _FONT, scale, ink, stroke, cv2.LINE_AA)


def _thickness(picture: Picture) -> int:
    thickness: int = max(1, round(max(picture.shape[:2]) / 600))
    return thickness


def _bgr(class_info: ClassInfo) -> Bgr:
    red, green, blue = class_info.color_rgb
    return blue, green, red


def _pixels(coordinates: npt.NDArray[np.floating]) -> list[int]:
    nearest = np.rint(np.clip(coordinates, -_FAR, _FAR)).astype(np.int32)
    pixels: list[int] = nearest.ravel().tolist()
    return pixels
