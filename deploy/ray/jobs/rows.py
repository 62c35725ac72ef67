"""Answers as rows of the tables that a job writes, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from client.predictions import Predictions
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.listing import id_type

_FLOATS = pa.list_(pa.float32())
_MASK = pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])
_CLASS = [("class_id", pa.int64()), ("class_name", pa.string())]
_INSTANCE = pa.struct(
    [
        *_CLASS,
        ("score", pa.float32()),
        ("box_xyxy", _FLOATS),
        ("rotated_box", _FLOATS),
        ("mask", _MASK),
        ("keypoints", pa.list_(_FLOATS)),
    ]
)
_PROPOSAL = pa.struct([("box_xyxy", _FLOATS), ("objectness", pa.float32())])
_SEGMENT = pa.struct(
    [
        *_CLASS,
        ("id", pa.int64()),
        ("is_thing", pa.bool_()),
        ("score", pa.float32()),
        ("mask", _MASK),
    ]
)


@dataclass(frozen=True)
class Answered:
    """An image with its answer.

    Attributes:
        index: Its place in the list of the job, from 0.
        image: Its entry there.
        document: The answer in the format `native`.
        picture: Where its picture is, relative to the job's folder; None where there is none.
    """

    index: int
    image: Listed
    document: Mapping[str, Any]
    picture: str | None = None


@dataclass(frozen=True)
class Unread:
    """An image without an answer.

    Attributes:
        index: Its place in the list of the job, from 0.
        image: Its entry there.
        type: Name of the error, such as `UndecodableImage` or `FileNotFoundError`.
        message: The sentence.
        may_pass: Whether the same image may be answered another time.
    """

    index: int
    image: Listed
    type: str
    message: str
    may_pass: bool


def result_schema(id_kind: type) -> pa.Schema:
    """Of the table of results: a row an image; what the model has no head for is null.

    Args:
        id_kind: Type of image ids: `int` or `str`.
    """
    return pa.schema(
        [
            *_image_fields(id_kind),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("outputs", pa.list_(pa.string())),
            ("instances", pa.list_(_INSTANCE)),
            ("proposals", pa.list_(_PROPOSAL)),
            ("semantic", pa.list_(_SEGMENT)),
            ("panoptic", pa.list_(_SEGMENT)),
            ("picture", pa.string()),
        ]
    )


def unread_schema(id_kind: type) -> pa.Schema:
    """Of the table of images without an answer.

    Args:
        id_kind: Type of image ids: `int` or `str`.
    """
    return pa.schema(
        [
            *_image_fields(id_kind),
            ("type", pa.string()),
            ("message", pa.string()),
            ("may_pass", pa.bool_()),
        ]
    )


def result_row(answered: Answered) -> dict[str, Any]:
    """A row of the table of results; numbers keep their bits."""
    document = answered.document
    segments = {key: (document.get(key) or {}).get("segments") for key in ("semantic", "panoptic")}
    return {
        **_image(answered.index, answered.image),
        **document["image"],
        "outputs": document.get("outputs"),  # not of older handlers
        "instances": [_renamed(one, "box", "box_xyxy") for one in document["predictions"]],
        "proposals": _each_renamed(document.get("proposals")),
        **segments,
        "picture": answered.picture,
    }


def unread_row(unread: Unread) -> dict[str, Any]:
    """A row of the table of images without an answer."""
    return {
        **_image(unread.index, unread.image),
        "type": unread.type,
        "message": as_text(unread.message),
        "may_pass": unread.may_pass,
    }


def table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table, in the order of the images."""
    ordered = sorted(rows, key=lambda row: int(row["index"]))
    return pa.Table.from_pylist(ordered, schema=schema)


def predictions_of(row: Mapping[str, Any], *, model: str, version: str) -> Predictions:
    """The instances of a row of results, as the client has them of the same answer.

    Args:
        row: Of `Table.to_pylist`.
        model: Name of the model.
        version: Its version.
    """
    instances = [
        {key: value for key, value in _renamed(one, "box_xyxy", "box").items() if value is not None}
        for one in row["instances"]
    ]
    return Predictions.from_native(
        {
            "model": {"name": model, "version": version},
            "image": {"width": row["width"], "height": row["height"]},
            "outputs": row["outputs"] or (),
            "predictions": instances,
        }
    )


def as_text(path: str) -> str:
    r"""A path that tables can hold: bytes that are no UTF-8 as `\udcXX`."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _image_fields(id_kind: type) -> list[tuple[str, pa.DataType]]:
    return [
        ("index", pa.int64()),
        ("image_id", id_type(id_kind)),
        ("file_name", pa.string()),
        ("path", pa.string()),
    ]


def _image(index: int, image: Listed) -> dict[str, Any]:
    return {
        "index": index,
        "image_id": image.id,
        "file_name": as_text(image.name),
        "path": as_text(image.path),
    }


def _renamed(entry: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in entry.items()}


def _each_renamed(proposals: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if proposals is None else [_renamed(one, "box", "box_xyxy") for one in proposals]
