"""One row of the server -> `Request`: find the image in whatever form it was sent.

A row is a mapping of field names to values, as TorchServe hands it over: `body` for a raw body
(bytes, or the decoded value of a JSON body), one key a part of a multipart form, one key an
entry of a gRPC `input` map.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from handler.errors import EmptyRequest, InvalidRequest

Row: TypeAlias = Mapping[str, object]

IMAGE_FIELDS = ("data", "image", "file", "body")
"""Field names under which an image is accepted: TorchServe's two, and the two people try first."""

ACCEPTED = (
    "Send the image bytes as the body, as a form field named "
    f"{', '.join(IMAGE_FIELDS[:-1])} or {IMAGE_FIELDS[-1]}, "
    'or as JSON {"image": "<base64>"}.'
)


@dataclass(frozen=True)
class Request:
    """What one client asked for.

    Attributes:
        image_bytes: An encoded image (JPEG, PNG, ...), not empty.
    """

    image_bytes: bytes


def parse_request(row: Row) -> Request:
    """Read one row.

    Raises:
        EmptyRequest: There is no image, or it has no bytes.
        InvalidRequest: Unknown fields, several images, text instead of an image, bad base64.
    """
    unknown = sorted(set(row) - set(IMAGE_FIELDS))
    if unknown:
        raise InvalidRequest(f"Unknown field {_quoted(unknown)}. {ACCEPTED}")
    if not row:
        raise EmptyRequest(f"The request has no image. {ACCEPTED}")
    if len(row) > 1:
        raise InvalidRequest(f"One request carries one image, got fields {_quoted(sorted(row))}.")
    (value,) = row.values()
    if isinstance(value, Mapping):
        value = _from_json(value)
    elif not isinstance(value, (bytes, bytearray)):
        raise InvalidRequest(f"The body is {_kind(value)}, not an image. {ACCEPTED}")
    if not value:
        raise EmptyRequest(f"The request's image has no bytes. {ACCEPTED}")
    return Request(image_bytes=bytes(value))


def _from_json(document: Mapping[str, object]) -> bytes:
    unknown = sorted(str(key) for key in document if key != "image")
    if unknown:
        raise InvalidRequest(f'Unknown JSON key {_quoted(unknown)}, "image" is accepted.')
    if "image" not in document:
        raise EmptyRequest(f'The JSON body has no key "image". {ACCEPTED}')
    encoded = document["image"]
    if not isinstance(encoded, str):
        raise InvalidRequest(f'JSON key "image" is {_kind(encoded)}, a base64 string is accepted.')
    try:
        # validate=True: without it characters outside the alphabet are dropped in silence.
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f'JSON key "image" is not base64: {error}.') from error


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _kind(value: object) -> str:
    names = {str: "text", list: "a JSON list", bool: "a JSON boolean", type(None): "JSON null"}
    return names.get(type(value), f"a JSON {type(value).__name__}")
