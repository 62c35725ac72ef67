"""One row of the server -> `Request`: images in whatever form they were sent, and the options.

A row's fields are what TorchServe hands over: `body` for a raw body (bytes, or the decoded value of
a JSON body), one key a part of a multipart form, one key an entry of a gRPC `input` map.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from handler.errors import EmptyRequest, InvalidOption, InvalidRequest
from handler.options import options_of_headers
from handler.proposals import LONGEST_TEXT, PROPOSALS
from handler.wording import kind, quoted

IMAGE_FIELDS = ("data", "image", "file", "body")
"""Field names under which an image is accepted: TorchServe's two, and the two people try first."""

PICTURE_TYPES = ("image/jpeg", "image/png")

ACCEPTED = (
    "Send the image bytes as the body, as a form field named "
    f"{', '.join(IMAGE_FIELDS[:-1])} or {IMAGE_FIELDS[-1]}, "
    'or as JSON {"image": "<base64>"}.'
)


@dataclass(frozen=True)
class Row:
    """What a server hands over of one request.

    Attributes:
        fields: Values by name: bytes, text, or decoded JSON.
        headers: Request headers, names in any case.
    """

    fields: Mapping[str, object]
    headers: Mapping[str, object] = field(default_factory=dict)


class Envelope(Enum):
    """The form of a request, which decides the form of its answer."""

    SINGLE = "single"
    INSTANCES = "instances"  # KServe v1: a list in, a list out
    V2 = "inputs"  # KServe v2: tensors in, tensors out


@dataclass(frozen=True)
class SentImage:
    """One image of a request.

    Attributes:
        encoded: JPEG, PNG, ...; not empty.
        proposals: Where to look for objects in it, as it was sent and not yet read; or None.
    """

    encoded: bytes
    proposals: object = None


@dataclass(frozen=True)
class Request:
    """What one client asked for.

    Attributes:
        images: At least one.
        given: Options as they were sent, by name in lower case.
        envelope: The form of the request.
        picture_type: `image/jpeg` or `image/png` where the client accepts nothing else.
        id: The client's own name for the request, KServe v2 alone.
    """

    images: tuple[SentImage, ...]
    given: Mapping[str, Any]
    envelope: Envelope = Envelope.SINGLE
    picture_type: str | None = None
    id: str | None = None


def asks_for_description(row: Row) -> bool:
    """Whether the management API asks the model to describe itself.

    TorchServe sends a header `describe` and no image. A client may send that header with an image,
    and gets an answer about the image.
    """
    names = {str(name).lower() for name in row.headers}
    return "describe" in names and not any(row.fields.values())


def parse_request(row: Row, *, max_images: int = 32) -> Request:
    """Read one row.

    Args:
        row: The row.
        max_images: Most images that a request may have.

    Raises:
        EmptyRequest: There is no image, or one without bytes.
        InvalidRequest: Several image fields, text instead of an image, bad base64, JSON of a form
            that is not accepted, too many images.
        InvalidOption: Proposals that belong to no image.
    """
    fields = {str(name): value for name, value in row.fields.items()}
    options: dict[str, Any] = dict(options_of_headers(row.headers))
    present = [name for name in fields if name.lower() in IMAGE_FIELDS]
    if len(present) > 1:
        raise InvalidRequest(f"One request carries one image, got fields {quoted(present)}.")
    options.update((n.lower(), _text(n, v)) for n, v in fields.items() if n not in present)
    if not present:
        raise EmptyRequest(f"The request has no image. {ACCEPTED}")
    value = fields[present[0]]
    picture_type = _picture_type(row.headers)
    if isinstance(value, Mapping):
        return _from_json(value, options, picture_type, max_images)
    if not isinstance(value, (bytes, bytearray)):
        raise InvalidRequest(f"The body is {kind(value)}, not an image. {ACCEPTED}")
    if _header(row.headers, "content-type").startswith("application/json") and value:
        # TorchServe hands on as bytes what it could not parse.
        raise InvalidRequest("The body is said to be JSON, and is not.")
    image = _sent(_not_empty(bytes(value)), options)
    return Request((image,), options, picture_type=picture_type)


def _from_json(
    document: Mapping[Any, Any],
    options: dict[str, Any],
    picture_type: str | None,
    max_images: int,
) -> Request:
    keys = {str(key): value for key, value in document.items()}
    forms = [key for key in ("image", "instances", "inputs") if key in keys]
    if not forms:
        raise EmptyRequest(f'The JSON body has no key "image". {ACCEPTED}')
    if len(forms) > 1:
        raise InvalidRequest(f"One request carries its images once, got {quoted(forms)}.")
    content = keys.pop(forms[0])
    if forms[0] == "inputs":
        return _from_v2(content, keys, options)
    options.update((key.lower(), value) for key, value in keys.items())
    if forms[0] == "image":
        image = _sent(_image("image", content), options)
        return Request((image,), options, picture_type=picture_type)
    if not isinstance(content, list):
        raise InvalidRequest(f'JSON key "instances" is {kind(content)}, a list is accepted.')
    if not content:
        raise EmptyRequest('JSON key "instances" is an empty list.')
    if len(content) > max_images:  # before anything is made of them
        raise InvalidRequest(
            f"The request has {len(content)} images, at most {max_images} are accepted."
        )
    if PROPOSALS in options:
        raise InvalidOption(f'Under "instances" each image brings "{PROPOSALS}" of its own.')
    images = tuple(_instance(index, item) for index, item in enumerate(content))
    return Request(images, options, Envelope.INSTANCES)


def _from_v2(inputs: Any, keys: dict[str, Any], options: dict[str, Any]) -> Request:
    """KServe's open inference protocol: one tensor of bytes that holds one image."""
    tensors = inputs if isinstance(inputs, list) else [inputs]
    if len(tensors) != 1 or not isinstance(tensors[0], Mapping):
        raise InvalidRequest('JSON key "inputs" takes a list with one tensor, a JSON object.')
    tensor = tensors[0]
    data = tensor.get("data")
    while isinstance(data, list) and len(data) == 1:
        data = data[0]
    if isinstance(data, list):
        raise InvalidRequest(f"inputs[0].data holds {len(data)} images, one is accepted.")
    for parameters in (keys.pop("parameters", None), tensor.get("parameters")):
        if isinstance(parameters, Mapping):
            options.update((str(key).lower(), value) for key, value in parameters.items())
    request_id = keys.pop("id", None)
    keys.pop("outputs", None)  # which tensors are wanted; all are answered
    options.update((key.lower(), value) for key, value in keys.items())
    image = _sent(_image("inputs[0].data", data), options)
    name = None if request_id is None else str(request_id)
    return Request((image,), options, Envelope.V2, id=name)


def _sent(encoded: bytes, options: dict[str, Any]) -> SentImage:
    """An image with its proposals, which are taken out of what else came with it."""
    return SentImage(encoded, options.pop(PROPOSALS, None))


def _instance(index: int, item: Any) -> SentImage:
    """An entry of `instances`; as a JSON object it may bring proposals of its own."""
    own: dict[str, Any] = {}
    if isinstance(item, Mapping):
        own = {key.lower(): value for key, value in item.items() if key.lower() == PROPOSALS}
        item = {key: value for key, value in item.items() if key.lower() != PROPOSALS}
    return _sent(_image(f"instances[{index}]", item), own)


def _image(name: str, value: Any) -> bytes:
    """An image in base64: as text, or as a JSON object that holds it as `b64` or `image`."""
    for _ in range(3):
        if isinstance(value, Mapping) and len(value) == 1:
            ((key, inner),) = value.items()
            if key in ("b64", *IMAGE_FIELDS):
                value = inner
    if not isinstance(value, str):
        raise InvalidRequest(f'JSON key "{name}" is {kind(value)}, a base64 string is accepted.')
    # A data URL names its type first; some encoders break lines.
    encoded = re.sub(r"\s+", "", re.sub(r"^data:[^,]*;base64,", "", value))
    try:
        # validate=True: without it characters outside the alphabet are dropped in silence.
        return _not_empty(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f'JSON key "{name}" is not base64: {error}.') from error


def _not_empty(image_bytes: bytes) -> bytes:
    if not image_bytes:
        raise EmptyRequest(f"The request's image has no bytes. {ACCEPTED}")
    return image_bytes


def _text(name: str, value: object) -> object:
    """An option's value; what comes as bytes is text."""
    if not isinstance(value, (bytes, bytearray)):
        return value
    most = LONGEST_TEXT if name.lower() == PROPOSALS else 10_000
    if len(value) > most:
        raise InvalidRequest(
            f'Field "{name}" has {len(value)} bytes, at most {most} are accepted. {ACCEPTED}'
        )
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f'Field "{name}" is not text. {ACCEPTED}') from None


def _picture_type(headers: Mapping[str, object]) -> str | None:
    accept = _header(headers, "accept")
    wanted = [part.partition(";")[0].strip() for part in accept.split(",")]
    return wanted[0] if wanted[0] in PICTURE_TYPES else None


def _header(headers: Mapping[str, object], name: str) -> str:
    """A header's value, its name in any case; empty where there is none."""
    return next((str(v).lower() for n, v in headers.items() if str(n).lower() == name), "")
