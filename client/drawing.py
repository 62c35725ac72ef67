"""Predictions drawn on their image."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from client.labels import Bgr, Label, Picture, Rectangle, printable, write_labels
from client.predictions import Predictions, Proposals, Rle, Segment, decode_rle

KEYPOINT_THRESHOLD = 0.05
"""Keypoints of a lower score are not drawn; the value of Detectron2's `Visualizer`."""

MAX_PROPOSALS = 100
"""Only the best are drawn: a thousand boxes hide the image."""

_OPACITY = 0.4
_PIXELS_PER_STROKE = 600
_GOLDEN_RATIO = 0.618034  # hues this far apart never come close to one another
_SATURATIONS = (0.9, 0.55, 0.75)
_VALUES = (1.0, 0.8, 0.6)
_SHADES = (1.0, 0.8, 0.9, 0.7)
_STUFF_HUE = 0.5
_WHITE: Bgr = (255, 255, 255)
_BLACK: Bgr = (0, 0, 0)
_FAR = 1_000_000  # pixels; beyond it OpenCV's integers overflow


def draw(image_bgr: Picture, predictions: Predictions, *, scale: float = 1.0) -> Picture:
    """Draw everything that a model says of an image.

    Masks, boxes, rotated boxes, keypoints, segments and proposals, with names and scores. A class
    has the same colour in all pictures, its instances shades of it. A panoptic segmentation takes
    the place of masks and of the semantic one, which it is made of.

    Args:
        image_bgr: (H, W, 3) uint8, the image that the predictions are of; it is not changed.
        predictions: What the model says.
        scale: Enlarges the picture before drawing, so that small objects stay readable.

    Returns:
        (round(scale * H), round(scale * W), 3) uint8.

    Raises:
        ValueError: The image has another size than the predictions.
    """
    if image_bgr.shape[:2] != predictions.size_hw:
        raise ValueError(
            f"The image has {image_bgr.shape[1]} x {image_bgr.shape[0]} pixels, the predictions "
            f"are of one with {predictions.size_hw[1]} x {predictions.size_hw[0]}."
        )
    picture = _enlarged(image_bgr, scale)
    has_panoptic = predictions.panoptic is not None
    segments = (predictions.panoptic if has_panoptic else predictions.semantic) or ()
    of_segments = [_draw_segment(picture, segment, scale) for segment in segments]
    if predictions.proposals is not None:
        _draw_proposals(picture, predictions.proposals, scale)
    labels = _draw_instances(picture, predictions, scale, masks=not has_panoptic)
    write_labels(picture, labels + [label for label in of_segments if label is not None])
    return picture


def class_colour(class_id: int, *, is_thing: bool = True, instance: int = 0) -> Bgr:
    """The colour of a class, the same in every picture.

    Args:
        class_id: Position in the model's classes, from 0.
        is_thing: Whether of `classes`, else of `stuff_classes`.
        instance: Position among the instances of that class; neighbours have other shades.

    Returns:
        Blue, green, red; 0 to 255.
    """
    hue = (class_id * _GOLDEN_RATIO + (0 if is_thing else _STUFF_HUE)) % 1.0
    saturation = _SATURATIONS[class_id % len(_SATURATIONS)]
    value = _VALUES[class_id // len(_SATURATIONS) % len(_VALUES)]
    shade = _SHADES[instance % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value * shade)
    return round(255 * blue), round(255 * green), round(255 * red)


def _enlarged(image_bgr: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return np.ascontiguousarray(image_bgr).copy()
    size_wh = tuple(max(1, round(side * scale)) for side in image_bgr.shape[1::-1])
    enlarged: Picture = cv2.resize(image_bgr, size_wh, interpolation=cv2.INTER_CUBIC)
    return enlarged


def _draw_instances(
    picture: Picture, predictions: Predictions, scale: float, *, masks: bool
) -> list[Label]:
    """Draw shapes; the labels, the best score first."""
    labels = []
    colours = _instance_colours(predictions.class_ids.tolist())
    for index in range(len(predictions) - 1, -1, -1):  # the best on top
        class_id, colour = int(predictions.class_ids[index]), colours[index]
        if predictions.mask_rles is not None and masks:
            _draw_mask(picture, predictions.mask_rles[index], colour, scale)
        corners_xy = _corners(predictions, index, scale)
        cv2.polylines(picture, [corners_xy], True, colour, _thickness(picture), cv2.LINE_AA)
        if predictions.keypoints is not None:
            _draw_keypoints(picture, predictions.keypoints[index], colour, scale)
        name = printable(predictions.class_names[index], class_id)
        (x0, y0), (x1, y1) = corners_xy.min(axis=0).tolist(), corners_xy.max(axis=0).tolist()
        text = f"{name} {float(predictions.scores[index]):.0%}"
        labels.append(Label(text, (x0, y0, x1, y1), colour))
    return labels[::-1]


def _instance_colours(class_ids: Sequence[int]) -> list[Bgr]:
    seen: dict[int, int] = {}
    colours = []
    for class_id in class_ids:
        instance = seen[class_id] = seen.get(class_id, -1) + 1
        colours.append(class_colour(class_id, instance=instance))
    return colours


def _draw_segment(picture: Picture, segment: Segment, scale: float) -> Label | None:
    """Draw a region; its label, as far inside of it as any, or None of an empty one."""
    colour = class_colour(segment.class_id, is_thing=segment.is_thing)
    box_xyxy = _draw_mask(picture, segment.rle, colour, scale)
    if box_xyxy is None:
        return None
    x, y = _pixels(np.array(_middle(decode_rle(segment.rle))) * scale)
    name = printable(segment.class_name, segment.class_id)
    return Label(name, (x, y, x, y), colour)


def _draw_mask(picture: Picture, rle: Rle, colour: Bgr, scale: float) -> Rectangle | None:
    """Tint the pixels of a mask and draw its outlines; the box around it, None of an empty one."""
    left, top, width, height = (int(one) for one in coco_mask.toBbox(rle))
    if not (width and height):
        return None
    inside = decode_rle(rle)[top : top + height, left : left + width].astype(np.uint8)
    x0, y0, x1, y1 = _pixels(np.array([left, top, left + width, top + height]) * scale)
    # A pixel at least, also where the picture is smaller than the image.
    x0, y0 = min(x0, picture.shape[1] - 1), min(y0, picture.shape[0] - 1)
    x1, y1 = max(min(x1, picture.shape[1]), x0 + 1), max(min(y1, picture.shape[0]), y0 + 1)
    if scale != 1.0:
        inside = cv2.resize(inside, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
    crop = picture[y0:y1, x0:x1]
    shades = np.arange(256)[:, None] * (1 - _OPACITY) + np.array(colour) * _OPACITY
    tinted = cv2.LUT(crop, shades.round().astype(np.uint8)[:, None, :])
    np.copyto(crop, tinted, where=inside[:, :, None].astype(np.bool_))
    outlines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x0, y0))
    cv2.drawContours(picture, outlines, -1, colour, _thickness(picture))
    return x0, y0, x1, y1


def _middle(mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """X and y of a pixel about as far inside a mask as any."""
    # A coarse look is enough for a name, and takes no time in large images.
    step = 1 + max(mask.shape) // 400
    coarse = np.pad(mask[::step, ::step], 1).astype(np.uint8)
    if not coarse.any():
        row, column = np.argwhere(mask)[0].tolist()
        return column, row
    depth = cv2.distanceTransform(coarse, cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return (int(column) - 1) * step, (int(row) - 1) * step


def _draw_proposals(picture: Picture, proposals: Proposals, scale: float) -> None:
    for box_xyxy in proposals.boxes_xyxy[:MAX_PROPOSALS][::-1]:
        x0, y0, x1, y1 = _pixels(box_xyxy * scale)
        cv2.rectangle(picture, (x0, y0), (x1, y1), _WHITE, 1)


def _corners(predictions: Predictions, index: int, scale: float) -> npt.NDArray[np.int32]:
    """(4, 2) int32, the corners of the box, upright or rotated."""
    if predictions.rotated_boxes is None:
        x0, y0, x1, y1 = _pixels(predictions.boxes_xyxy[index] * scale)
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)
    x, y, width, height, degrees = predictions.rotated_boxes[index].astype(np.float64)
    angle = np.deg2rad(degrees)
    # Anticlockwise as people see it: y points down.
    across = np.array([np.cos(angle), -np.sin(angle)]) * width / 2
    along = np.array([np.sin(angle), np.cos(angle)]) * height / 2
    offsets_xy = [-across - along, across - along, across + along, along - across]
    corners_xy = np.array(offsets_xy) + np.array([x, y])
    return np.array(_pixels(corners_xy * scale), np.int32).reshape(4, 2)


def _draw_keypoints(
    picture: Picture, keypoints: npt.NDArray[np.float32], colour: Bgr, scale: float
) -> None:
    radius = 1 + _thickness(picture)
    for x, y, score in keypoints:
        if score >= KEYPOINT_THRESHOLD:
            # A pixel's centre is at its index + 0.5.
            column, row = _pixels(np.array([x, y]) * scale - 0.5)
            cv2.circle(picture, (column, row), radius + 1, _BLACK, -1, cv2.LINE_AA)
            cv2.circle(picture, (column, row), radius, colour, -1, cv2.LINE_AA)


def _thickness(picture: Picture) -> int:
    thickness: int = max(1, round(max(picture.shape[:2]) / _PIXELS_PER_STROKE))
    return thickness


def _pixels(coordinates: npt.NDArray[np.floating]) -> list[int]:
    nearest = np.rint(np.clip(coordinates, -_FAR, _FAR)).astype(np.int32)
    pixels: list[int] = nearest.ravel().tolist()
    return pixels
