"""One bad image of each kind that people send by mistake or by malice, and how it is refused."""

import random
from dataclasses import dataclass

from torture.material.bombs import KINDS
from torture.material.damaged import whole_images


@dataclass(frozen=True)
class Poison:
    """Bytes that are no image, or not all of one.

    Attributes:
        name: For people.
        content: The body of a request.
        status: What it is answered with.
        error: The `type` of that answer.
        content_type: As its sender declares it.
    """

    name: str
    content: bytes
    status: int
    error: str
    content_type: str = "application/octet-stream"


_SIGNATURE_AND_HEADER = 8 + 8 + 13  # PNG, sections 5.2 and 11.2.1: the checksum of IHDR follows


def poisons() -> list[Poison]:
    """One of each kind, the same each time."""
    whole = whole_images()
    jpeg, png = whole["JPEG 120 x 90"], whole["PNG 120 x 90"]
    at = _SIGNATURE_AND_HEADER
    return [
        Poison("truncated JPEG", jpeg[: len(jpeg) // 2], 400, "UndecodableImage"),
        Poison("decompression bomb", KINDS["PNG"](random.Random(0)), 413, "ImageTooLarge"),
        Poison("no bytes", b"", 400, "EmptyRequest"),
        Poison("text", b"This is no photograph.\n", 400, "UndecodableImage", "image/jpeg"),
        Poison(
            "PNG with a wrong checksum",
            png[:at] + bytes(one ^ 0xFF for one in png[at : at + 4]) + png[at + 4 :],
            400,
            "UndecodableImage",
            "image/png",
        ),
        # GIF 89a, sections 17, 18 and 27: head, screen of 64 x 48, and the end.
        Poison(
            "GIF without a frame",
            b"GIF89a\x40\x00\x30\x00\x00\x00\x00\x3b",
            400,
            "UndecodableImage",
            "image/gif",
        ),
    ]
