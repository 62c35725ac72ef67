"""The handler beside a Detectron2 with compiled operators: `make compiled`.

The wheel of 0.7.2 brings them for Python 3.10 and torch 2.3, the versions that run these tests; the
archives were made before, by the versions of requirements.txt.
"""

import json
import zipfile
from pathlib import Path

import pytest
import torch

pytest.importorskip("detectron2._C", reason="no compiled Detectron2 here: make compiled has one")

from detectron2.engine import DefaultPredictor

from export.open_as_worker import as_arrays
from export.verify import compare
from handler.config import parse_config
from handler.detector import Detector
from handler.model import Model
from handler.model_input import InputBuilder
from handler.operators import install_missing
from handler.operators.rotated_iou import box_iou_rotated
from handler.operators.rotated_nms import nms_rotated
from handler.operators.rotated_roi_align import roi_align_rotated_forward
from handler.request import Row
from tests.images import noise_bgr, png

ARCHIVES = sorted((Path(__file__).parents[2] / "build" / "compiled").glob("*.mar"))
SIZES_HW = [(96, 128), (120, 80), (1, 1)]


def rotated_boxes(number: int) -> torch.Tensor:
    """(number, 5) boxes on 400 x 400 pixels, many of them overlapping, at any angle."""
    random = torch.Generator().manual_seed(number)
    centres = torch.rand(number, 2, generator=random) * 400
    sizes = torch.rand(number, 2, generator=random) * 120 + 1
    angles = torch.rand(number, 1, generator=random) * 360 - 180
    return torch.cat([centres, sizes, angles], dim=1)


def test_what_is_compiled_is_left_alone():
    assert install_missing(device="cuda:0") == ()


def test_there_are_archives():
    assert len(ARCHIVES) >= 12


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.stem)
def test_every_architecture_equals_default_predictor(archive, tmp_path):
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    model = Model.load(tmp_path, device="cpu")
    if model.metadata.config_kind == "lazy" or model.metadata.input.proposal_topk is not None:
        detector = Detector.load(tmp_path, device="cpu", name="m", version="1")
        takes_proposals = model.metadata.input.proposal_topk is not None
        more = {"proposals": "[[0, 0, 90, 90]]"} if takes_proposals else {}
        (answer,) = detector.answer([Row({"body": png(noise_bgr(96, 128)), **more})])
        assert json.loads(answer.body)["predictions"]
        return  # DefaultPredictor knows neither
    config = parse_config((tmp_path / "config.yaml").read_text())
    config.MODEL.WEIGHTS = str(tmp_path / "weights.pth")
    torch.save({"model": model.network.state_dict()}, config.MODEL.WEIGHTS)
    predictor = DefaultPredictor(config)
    build_input = InputBuilder(model.metadata.input)
    sizes_hw = SIZES_HW[: 2 if model.metadata.architecture == "PanopticDeepLab" else 3]
    images = [noise_bgr(*size_hw) for size_hw in sizes_hw]
    found = [as_arrays(model.predict([build_input(image_bgr)])[0]) for image_bgr in images]
    expected = [as_arrays(predictor(image_bgr)) for image_bgr in images]
    verdict = compare(found, expected, reference_name="DefaultPredictor")
    assert verdict.is_exact, verdict.sentence()
    if "boxes" in model.metadata.outputs:
        assert verdict.detections > 0


def test_rotated_iou():
    first, second = rotated_boxes(800), rotated_boxes(801)
    compiled = torch.ops.detectron2.box_iou_rotated(first, second)
    ours = box_iou_rotated(first, second)
    differing = (ours - compiled).abs() > 1e-4
    # The compiled kernel works in float32 and misses a corner now and then (0.05 in one of these
    # pairs); shapely agrees with ours, see test_rotated_iou.py.
    assert differing.sum() <= 3
    assert (ours > 0).sum() > 50_000


@pytest.mark.parametrize("number", [0, 1, 100, 1000])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7])
def test_rotated_nms(number, threshold):
    boxes = rotated_boxes(number)
    scores = torch.rand(number, generator=torch.Generator().manual_seed(0))
    compiled = torch.ops.detectron2.nms_rotated(boxes, scores, threshold)
    assert torch.equal(nms_rotated(boxes, scores, threshold), compiled)


@pytest.mark.parametrize("sampling_ratio", [0, 1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_rotated_roi_align(sampling_ratio, scale):
    features = torch.randn(2, 8, 50, 60, generator=torch.Generator().manual_seed(0))
    boxes = rotated_boxes(60)
    rois = torch.cat([torch.arange(60)[:, None] % 2, boxes], dim=1)
    given = (features, rois, scale, 7, 7, sampling_ratio)
    compiled = torch.ops.detectron2.roi_align_rotated_forward(*given)
    torch.testing.assert_close(roi_align_rotated_forward(*given), compiled, rtol=1e-4, atol=1e-4)
