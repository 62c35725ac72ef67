"""An answer and its picture from one forward pass: the archive's own two formats in one body."""

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from deploy.ray.jobs.listed import Listed

if TYPE_CHECKING:
    from handler.formats.answer import AnsweredImage

FORMAT = "native_and_overlay"
FOLDER = "pictures"

_LENGTH_BYTES = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_STEM = 100


def register() -> None:
    """Add the format to those of this process' handler, which is an archive's."""
    from handler.errors import HandlerError
    from handler.formats.registry import FORMATS, Format

    native, overlay = FORMATS["native"], FORMATS["overlay"]

    def encode(answered: "AnsweredImage") -> bytes:
        document = native.encode(answered)
        try:
            picture = overlay.encode(answered)
        except HandlerError:  # larger than a JPEG can be
            picture = b""
        return len(document).to_bytes(_LENGTH_BYTES, "big") + document + picture

    FORMATS[FORMAT] = Format("application/octet-stream", encode)


def split(body: bytes) -> tuple[bytes, bytes]:
    """The document and the JPEG of a body; the latter is empty where it could not be drawn."""
    end = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "big")
    return body[_LENGTH_BYTES:end], body[end:]


def pictures_folder(part: int, token: str) -> str:
    """Where the pictures of a part go, relative to the job's folder: none gets too many.

    Args:
        part: Number of it.
        token: Of the job; a worker of another one draws elsewhere.
    """
    return f"{FOLDER}/part-{part:06}-{token}"


def picture_name(part: int, token: str, index: int, image: Listed) -> str:
    """Where the picture of an image goes, relative to the job's folder.

    Args:
        part: Number of its part.
        token: Of the job.
        index: Place of the image in the list: names and ids that no file can have become the same.
        image: Its entry in the list.
    """
    stem = _UNSAFE.sub("_", PurePosixPath(image.name).stem)[:_LONGEST_STEM]
    id_ = _UNSAFE.sub("_", str(image.id))[:_LONGEST_STEM]
    return f"{pictures_folder(part, token)}/{index}-{id_}-{stem}.jpg"
