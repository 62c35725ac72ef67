import contextlib
import io
import json

import numpy as np
import pytest
import torch
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from detectron2.structures import Boxes, Instances
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from handler.formats.coco import encode_coco
from handler.options import Options
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    answered,
    instances,
    not_a_number,
    objects,
)

CATEGORY_IDS = [17, 18, 2]  # the third class has no id in the data set


@pytest.mark.parametrize("given", EVERY_KIND)
def test_is_what_detectron2s_evaluator_says(given):
    found = given.predictions.objects
    theirs = Instances(given.predictions.size_hw)
    theirs.pred_boxes = Boxes(torch.from_numpy(found.boxes_xyxy.copy()))
    theirs.scores = torch.from_numpy(found.scores.copy())
    theirs.pred_classes = torch.tensor([CATEGORY_IDS[i] for i in found.class_ids])
    if found.masks is not None:
        theirs.pred_masks = torch.from_numpy(found.masks.copy())
    if found.keypoints is not None:
        theirs.pred_keypoints = torch.from_numpy(found.keypoints.copy())

    ours = json.loads(encode_coco(given))
    expected = instances_to_coco_json(theirs, 42)
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert one.pop("rotated_box", None) is None or found.rotated_boxes is not None
        assert list(one) == list(other)
        for key in ("image_id", "category_id", "segmentation"):
            assert one.get(key) == other.get(key)
        for key in ("bbox", "score", "keypoints"):
            bits = [np.array(each.get(key, 0), np.float32).tobytes() for each in (one, other)]
            assert bits[0] == bits[1]


def data_set(given) -> COCO:
    """A data set whose annotations are exactly what was found."""
    height, width = given.predictions.size_hw
    coco = COCO()
    annotations = [
        {
            **{key: one[key] for key in ("image_id", "category_id", "bbox", "segmentation")},
            "id": index + 1,
            "iscrowd": 0,
            "area": float(coco_mask.area(one["segmentation"])),
        }
        for index, one in enumerate(json.loads(encode_coco(given)))
    ]
    coco.dataset = {
        "info": {},
        "images": [{"id": 42, "height": height, "width": width}],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": one.name}
            for number, one in zip(CATEGORY_IDS, CLASSES, strict=True)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_pycocotools_finds_the_perfect_answer_perfect(kind):
    given = instances(3, masks=True)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = data_set(given)
        results = truth.loadRes(json.loads(encode_coco(given)))
        evaluation = COCOeval(truth, results, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert len(results.getAnnIds()) == 3
    assert evaluation.stats[0] == pytest.approx(1)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(instances(3), id="boxes"),
        pytest.param(instances(3, keypoints=True), id="keypoints"),
        pytest.param(instances(3, rotated=True), id="rotated boxes"),
        pytest.param(instances(1, masks=True, size_hw=(1, 1)), id="image of one pixel"),
    ],
)
def test_load_res_reads(given):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = data_set(instances(1, masks=True, size_hw=given.predictions.size_hw))
        results = truth.loadRes(json.loads(encode_coco(given)))
    loaded = results.loadAnns(results.getAnnIds(imgIds=[42]))
    boxes_xywh = np.array([one["bbox"] for one in loaded])
    corners = np.hstack([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]])
    np.testing.assert_allclose(corners, given.predictions.objects.boxes_xyxy, rtol=1e-6)


def test_nothing_found_is_an_empty_list():
    assert encode_coco(instances(0)) == b"[]"


@pytest.mark.parametrize("image_id", [pytest.param(7, id="number"), pytest.param("ä", id="text")])
def test_image_id_is_the_requests(image_id):
    given = answered(objects=objects(1), options=Options(image_id=image_id))
    assert json.loads(encode_coco(given))[0]["image_id"] == image_id


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_coco(not_a_number(where))
