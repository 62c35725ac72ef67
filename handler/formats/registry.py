"""The response formats, by the name that a request chooses them with."""

from collections.abc import Callable
from dataclasses import dataclass

from handler.formats import (
    coco,
    cvat,
    geojson,
    kserve_v2,
    label_studio,
    native,
    overlay,
    roboflow,
    torchserve,
)
from handler.formats.answer import AnsweredImage


@dataclass(frozen=True)
class Format:
    """A response format.

    Attributes:
        content_type: Media type of its bodies.
        encode: Writes one body.
    """

    content_type: str
    encode: Callable[[AnsweredImage], bytes]


FORMATS = {
    "native": Format(native.CONTENT_TYPE, native.encode_native),
    "coco": Format(coco.CONTENT_TYPE, coco.encode_coco),
    "torchserve": Format(torchserve.CONTENT_TYPE, torchserve.encode_torchserve),
    "roboflow": Format(roboflow.CONTENT_TYPE, roboflow.encode_roboflow),
    "label_studio": Format(label_studio.CONTENT_TYPE, label_studio.encode_label_studio),
    "cvat": Format(cvat.CONTENT_TYPE, cvat.encode_cvat),
    "geojson": Format(geojson.CONTENT_TYPE, geojson.encode_geojson),
    "kserve_v2": Format(kserve_v2.CONTENT_TYPE, kserve_v2.encode_kserve_v2),
    "overlay": Format(overlay.JPEG_CONTENT_TYPE, overlay.encode_overlay),
    "overlay_png": Format(overlay.PNG_CONTENT_TYPE, overlay.encode_overlay_png),
}
