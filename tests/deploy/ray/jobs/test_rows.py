import json

import numpy as np
import pyarrow as pa
import pytest

from client.predictions import Predictions
from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.rows import (
    Answered,
    Unread,
    predictions_of,
    result_row,
    result_schema,
    table,
    unread_row,
    unread_schema,
)
from handler.formats.native import encode_native
from tests.handler.formats.answers import EVERY_KIND

IMAGE = Listed(7, "/data/a.jpg", "a.jpg")


def comparable(segments):
    """Without what is null, and with scores as the float32 that their decimals stand for."""
    rows = [{key: one for key, one in row.items() if one is not None} for row in segments]
    return [row | {"score": np.float32(row["score"])} if "score" in row else row for row in rows]


@pytest.mark.parametrize("answered", EVERY_KIND)
def test_a_row_has_every_bit_of_an_answer(answered):
    document = json.loads(encode_native(answered))
    rows = table([result_row(Answered(3, IMAGE, document, "p.jpg"))], result_schema(int))
    (row,) = rows.to_pylist()
    assert (row["index"], row["image_id"], row["file_name"], row["path"], row["picture"]) == (
        *(3, 7, "a.jpg", "/data/a.jpg", "p.jpg"),
    )
    found = predictions_of(row, model="pets", version="2.1")
    expected = Predictions.from_native(document)
    for name in ("boxes_xyxy", "scores", "class_ids", "rotated_boxes", "keypoints"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.tobytes() == other.tobytes()
    assert found.size_hw == expected.size_hw
    assert found.class_names == expected.class_names
    assert found.mask_rles == expected.mask_rles
    for key in ("semantic", "panoptic"):
        if key in document:
            assert comparable(row[key]) == comparable(document[key]["segments"])
        else:
            assert row[key] is None
    if "proposals" in document:
        boxes = np.array([one["box"] for one in document["proposals"]], np.float32)
        logits = np.array([one["objectness"] for one in document["proposals"]], np.float32)
        assert [one["box_xyxy"] for one in row["proposals"]] == boxes.tolist()
        assert [one["objectness"] for one in row["proposals"]] == logits.tolist()
    else:
        assert row["proposals"] is None


def test_rows_are_in_the_order_of_the_list():
    document = {"image": {"width": 1, "height": 2}, "predictions": []}
    rows = [result_row(Answered(index, IMAGE, document)) for index in (4, 2, 3)]
    found = table(rows, result_schema(int))
    assert found.column("index").to_pylist() == [2, 3, 4]
    assert found.column("width").to_pylist() == [1, 1, 1]


@pytest.mark.parametrize(("kind", "id_"), [(int, 5), (str, "é")], ids=["numbers", "text"])
def test_an_image_without_an_answer(kind, id_):
    unread = Unread(1, Listed(id_, "/data/\udce9.jpg", "\udce9.jpg"), "X", "It is none.", False)
    (row,) = table([unread_row(unread)], unread_schema(kind)).to_pylist()
    assert row == {
        "index": 1,
        "image_id": id_,
        "file_name": "\\udce9.jpg",
        "path": "/data/\\udce9.jpg",
        "type": "X",
        "message": "It is none.",
        "may_pass": False,
    }


def test_tables_without_rows_have_the_same_columns():
    for schema in (result_schema(int), unread_schema(str)):
        assert table((), schema).schema == schema
        assert isinstance(schema, pa.Schema)
