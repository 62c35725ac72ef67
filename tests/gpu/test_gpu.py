"""The handler on a GPU: the same bits as Detectron2 there, and memory that comes back."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import get_cfg
from detectron2.engine import DefaultPredictor

from client.predictions import Predictions
from handler.detector import Detector
from handler.request import Row
from tests.images import noise_bgr, png
from tests.models import Training

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no GPU that torch can use"
)

DEVICE = "cuda:0"
ROW = Row({"body": png(noise_bgr(96, 128))})


@pytest.fixture(scope="module")
def on_gpu(opened: Path) -> Detector:
    return Detector.load(opened, device=DEVICE, name="tiny", version="1", stack=8)


def test_the_network_is_where_it_was_sent(on_gpu):
    assert {parameter.device for parameter in on_gpu._model.network.parameters()} == {
        torch.device(DEVICE)
    }


@pytest.mark.parametrize("size_hw", [(96, 128), (300, 200), (1, 1)])
def test_alone_equals_default_predictor_bit_for_bit(size_hw, on_gpu, training: Training):
    config = get_cfg()
    config.merge_from_file(str(training.config_file))
    config.MODEL.DEVICE = DEVICE
    config.MODEL.WEIGHTS = str(training.weights)
    image_bgr = noise_bgr(*size_hw)
    expected = DefaultPredictor(config)(image_bgr)["instances"].to("cpu")
    (answer,) = on_gpu.answer([Row({"body": png(image_bgr)})])
    found = Predictions.from_native(json.loads(answer.body))
    assert found.boxes_xyxy.tobytes() == expected.pred_boxes.tensor.numpy().tobytes()
    assert found.scores.tobytes() == expected.scores.numpy().tobytes()
    np.testing.assert_array_equal(found.masks, expected.pred_masks.numpy())


def test_memory_returns_to_its_level_after_too_little_of_it(on_gpu, monkeypatch):
    on_gpu.answer([ROW])
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    forward, calls = on_gpu._model.predict, []

    def predict(model, inputs):
        calls.append(len(inputs))
        held = torch.empty(2**26, device=DEVICE)  # 256 MB that the failure leaves behind
        if len(inputs) > 2:
            raise torch.OutOfMemoryError(f"CUDA out of memory with {held.numel()}")
        return forward(inputs)

    with monkeypatch.context() as patch:
        patch.setattr(on_gpu._model.__class__, "predict", predict)
        answers = on_gpu.answer([ROW] * 4)
    assert [answer.status for answer in answers] == [200] * 4
    assert calls == [4, 2, 2]
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() <= before + 2**20


def test_what_really_does_not_fit_gets_507_and_the_next_is_answered(on_gpu, monkeypatch):
    def predict(model, inputs):
        free, _ = torch.cuda.mem_get_info()
        torch.empty(free * 2, dtype=torch.uint8, device=DEVICE)

    with monkeypatch.context() as patch:
        patch.setattr(on_gpu._model.__class__, "predict", predict)
        (answer,) = on_gpu.answer([ROW])
    assert answer.status == 507
    assert on_gpu.answer([ROW])[0].status == 200
