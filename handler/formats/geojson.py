"""A GeoJSON FeatureCollection in pixels, as QuPath and GIS tools open it.

    {"type": "FeatureCollection",
     "features": [{"type": "Feature",
                   "geometry": {"type": "Polygon" | "MultiPolygon", "coordinates"},
                   "properties": {"objectType": "annotation",
                                  "classification": {"name", "color": [red, green, blue]},
                                  "score", "keypoints": [{"name", "x", "y", "score"}]}}]}

Coordinates are pixels of the image, origin top left, y pointing down (RFC 7946 means longitude and
latitude; pixels are what QuPath reads). Rings are closed, have their holes, and follow the RFC's
right-hand rule on the numbers as they are. Masks are outlined along the edges of their pixels, so
that the area of a geometry is the number of its pixels; parts that touch at a corner alone make a
MultiPolygon. An instance without a mask, or with an empty one, has its box, upright or rotated; one
without an area has the geometry null.

Semantic classes and panoptic segments are features as well, without a score where the model gives
none (see `handler.formats.segments`). Proposals have no place.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from handler.formats.answer import AnsweredImage, shortest
from handler.formats.compact_json import compact_json
from handler.formats.segments import segments
from handler.metadata import ClassInfo
from handler.polygons import Polygon, mask_to_polygons, rotated_box_corners

CONTENT_TYPE = "application/geo+json"


def encode_geojson(answered: AnsweredImage) -> bytes:
    """Write one answer.

    Raises:
        ValueError: The model answered with a number that JSON has no word for (NaN, infinity).
    """
    features = _instances(answered)
    for one in segments(answered):
        properties = _properties(one.class_info)
        if one.score is not None:
            properties["score"] = one.score
        features.append(_feature(_mask_geometry(one.mask), properties))
    return compact_json({"type": "FeatureCollection", "features": features})


def _instances(answered: AnsweredImage) -> list[dict[str, Any]]:
    objects, features = answered.predictions.objects, []
    for index, class_id in enumerate(objects.class_ids.tolist()):
        geometry = None if objects.masks is None else _mask_geometry(objects.masks[index])
        if geometry is None and objects.rotated_boxes is not None:
            geometry = _box_geometry(rotated_box_corners(objects.rotated_boxes[index]).tolist())
        elif geometry is None:
            x0, y0, x1, y1 = shortest(objects.boxes_xyxy[index])
            geometry = _box_geometry([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        properties = _properties(answered.metadata.class_of(class_id))
        properties["score"] = shortest(objects.scores[index : index + 1])[0]
        if objects.keypoints is not None:
            names = answered.metadata.keypoint_names
            properties["keypoints"] = _keypoints(objects.keypoints[index], names)
        features.append(_feature(geometry, properties))
    return features


def _feature(geometry: dict[str, Any] | None, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _properties(class_info: ClassInfo) -> dict[str, Any]:
    classification = {"name": class_info.name, "color": list(class_info.color_rgb)}
    return {"objectType": "annotation", "classification": classification}


def _mask_geometry(mask: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
    polygons = [_rings(one) for one in mask_to_polygons(mask)]
    if not polygons:
        return None
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _rings(polygon: Polygon) -> list[list[list[int]]]:
    rings = [ring.tolist() for ring in (polygon.exterior, *polygon.holes)]
    return [[*ring, ring[0]] for ring in rings]


def _box_geometry(corners_xy: list[list[float]]) -> dict[str, Any] | None:
    # A box without width or height is no polygon.
    if len({tuple(corner) for corner in corners_xy}) < 4:
        return None
    return {"type": "Polygon", "coordinates": [[*corners_xy, corners_xy[0]]]}


def _keypoints(
    keypoints: npt.NDArray[np.float32], names: tuple[str, ...]
) -> list[dict[str, str | float]]:
    found: list[dict[str, str | float]] = []
    for index, keypoint in enumerate(keypoints):
        x, y, score = shortest(keypoint)
        name = names[index] if index < len(names) else str(index)
        found.append({"name": name, "x": x, "y": y, "score": score})
    return found
