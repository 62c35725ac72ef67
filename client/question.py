"""An image and options -> the body and headers of a request."""

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from client.errors import ClientError

Image: TypeAlias = "str | os.PathLike[str] | bytes | npt.NDArray[np.uint8]"
"""A file's path, an encoded file's bytes, or uint8 pixels: (H, W, 3), BGR, or (H, W).

Pixels are sent as PNG, which keeps every bit."""


@dataclass(frozen=True)
class Options:
    """What a request may ask for; None leaves it to the server. docs/api.md says what each does.

    Numbers may be NumPy's as well.

    Attributes:
        score_threshold: Least score of an instance; 0 to 1.
        max_detections: The best so many instances.
        classes: Names or ids of the classes that are wanted, or one of them.
        tile: Side of the tiles that the image is cut into, in pixels.
        overlap: The share of that side that neighbouring tiles have in common; 0 to 0.5.
    """

    score_threshold: float | None = None
    max_detections: int | None = None
    classes: Sequence[str | int] | int | None = None
    tile: int | None = None
    overlap: float | None = None

    def given(self) -> dict[str, Any]:
        """Those that are not left to the server, as JSON has them.

        Raises:
            ClientError: A value that is neither a number nor a text, named.
        """
        given: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "classes" and value is not None:
                # Of a text list() would make its characters.
                classes = [value] if isinstance(value, str | int | float | np.generic) else value
                given["classes"] = [_plain("classes", one) for one in classes]
            elif value is not None:
                given[field.name] = _plain(field.name, value)
        return given


def _plain(name: str, value: Any) -> str | int | float:
    """A value as JSON has it."""
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, str | int | float):
        raise ClientError(
            f"{name} is {value!r}, a {type(value).__name__}; accepted are numbers, and names of "
            "classes."
        )
    return plain


@dataclass(frozen=True)
class Question:
    """A request.

    Attributes:
        body: Its bytes.
        headers: With their content type.
    """

    body: bytes
    headers: dict[str, str]


def question(
    image: Image,
    options: Options | None = None,
    proposals: Sequence[Sequence[float]] | npt.NDArray[np.float32] | None = None,
) -> Question:
    """Write a request.

    Args:
        image: What is asked about.
        options: What else is asked for.
        proposals: Boxes to look in, (P, 4) x0, y0, x1, y1 in pixels, of a model that takes them.

    Raises:
        ClientError: A file that cannot be read, pixels of another kind, or proposals that are no
            boxes.
    """
    content = encoded(image)
    given = (options or Options()).given()
    if "classes" not in given and proposals is None:
        # A third smaller than JSON. Names of classes may have characters that no header can have.
        headers = {f"X-{name.replace('_', '-')}": json.dumps(given[name]) for name in given}
        # Without a type some clients say form-urlencoded, which TorchServe tries to parse.
        return Question(content, {"Content-Type": "application/octet-stream", **headers})
    document = {"image": base64.b64encode(content).decode(), **given}
    if proposals is not None:
        document["proposals"] = _boxes(proposals)
    return Question(json.dumps(document).encode(), {"Content-Type": "application/json"})


def encoded(image: Image) -> bytes:
    """The bytes of an image file.

    Raises:
        ClientError: A file that cannot be read, or pixels of another kind.
    """
    if isinstance(image, bytes):
        return image
    if isinstance(image, np.ndarray):
        return _png(image)
    try:
        return Path(image).read_bytes()
    except (OSError, ValueError) as error:
        raise ClientError(f"{image} cannot be read: {error}.") from error


def _boxes(proposals: Sequence[Sequence[float]] | npt.NDArray[np.float32]) -> list[list[float]]:
    try:
        boxes_xyxy = np.asarray(proposals, dtype=np.float64)
    except (ValueError, TypeError):  # no numbers, or rows of different lengths
        boxes_xyxy = np.zeros(1)
    if boxes_xyxy.size and (boxes_xyxy.ndim != 2 or boxes_xyxy.shape[1] != 4):
        raise ClientError("These proposals are no boxes; accepted are rows of x0, y0, x1, y1.")
    boxes: list[list[float]] = boxes_xyxy.tolist()
    return boxes


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_image or not pixels.size:
        raise ClientError(
            f"An array of shape {pixels.shape} and dtype {pixels.dtype} is not an image; accepted "
            "are (height, width, 3) in BGR and (height, width), both uint8."
        )
    _, png = cv2.imencode(".png", pixels)
    return png.tobytes()
