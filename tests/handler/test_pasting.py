import numpy as np
import pytest
import torch
from detectron2.layers import paste_masks_in_image
from detectron2.modeling.meta_arch import GeneralizedRCNN, rcnn
from torch import nn

from handler.config import build_from_config
from handler.cropped_masks import CroppedMasks
from handler.model import Model
from handler.model_input import InputBuilder
from handler.pasting import can_paste, paste, run_and_paste
from tests.images import noise_bgr
from tests.models import tiny_config


def pasted(small_masks, boxes_xyxy, size_hw):
    masks = paste(small_masks, torch.tensor(boxes_xyxy).reshape(-1, 4), size_hw)
    assert isinstance(masks, CroppedMasks)
    return np.array([*masks], bool).reshape(len(masks), *size_hw)


@pytest.mark.parametrize(
    ("boxes_xyxy", "size_hw"),
    [
        pytest.param([], (5, 7), id="none"),
        pytest.param([[0.0, 0.0, 1.0, 1.0]], (1, 1), id="an image of one pixel"),
        pytest.param([[0.0, 0.0, 64.0, 48.0]], (48, 64), id="the whole image"),
        pytest.param([[10.0, 0.0, 20.0, 48.0]], (48, 64), id="from the top to the bottom"),
        pytest.param([[3.2, 4.7, 3.3, 4.8]], (48, 64), id="a tenth of a pixel"),
        pytest.param([[60.4, 40.1, 64.0, 48.0], [0.0, 0.0, 2.5, 0.5]], (48, 64), id="two corners"),
        pytest.param([[1e-7, 2.0, 3.0, 2.0000002]], (9, 9), id="hardly a box"),
    ],
)
def test_pastes_what_detectron2_pastes(boxes_xyxy, size_hw):
    torch.manual_seed(0)
    small_masks = torch.rand(len(boxes_xyxy), 28, 28)
    boxes = torch.tensor(boxes_xyxy).reshape(-1, 4)
    expected = paste_masks_in_image(small_masks, boxes, size_hw).numpy()
    np.testing.assert_array_equal(pasted(small_masks, boxes_xyxy, size_hw), expected)


@pytest.mark.parametrize("side", [1, 14, 28, 56])
def test_pastes_any_boxes_as_detectron2_does(side):
    rng = np.random.default_rng(side)
    torch.manual_seed(side)
    for _ in range(40):
        height, width = (int(one) for one in rng.integers(1, 300, 2))
        corners = np.sort(rng.uniform(0, 1, (6, 2, 2)), axis=1) * [width, height]
        boxes = torch.tensor(corners.reshape(6, 4), dtype=torch.float32)
        small_masks = torch.rand(6, side, side)
        expected = paste_masks_in_image(small_masks, boxes, (height, width)).numpy()
        found = pasted(small_masks, boxes.tolist(), (height, width))
        np.testing.assert_array_equal(found, expected)


def test_masks_of_bytes_count_as_floats():
    small_masks = torch.ones(1, 3, 3, dtype=torch.uint8)
    assert pasted(small_masks, [[1.0, 1.0, 4.0, 5.0]], (6, 6)).sum() == 12


class Somebodys(GeneralizedRCNN):
    pass


def network() -> nn.Module:
    torch.manual_seed(0)
    return build_from_config(tiny_config(), device="cpu").eval()


def changed(change) -> nn.Module:
    made = network()
    change(made)
    return made


@pytest.mark.parametrize(
    ("change", "device", "expected"),
    [
        pytest.param(lambda one: None, "cpu", True, id="Detectron2's own"),
        pytest.param(lambda one: None, "cuda:0", False, id="on a GPU"),
        pytest.param(lambda one: setattr(one, "__class__", Somebodys), "cpu", False, id="subclass"),
        pytest.param(
            lambda one: one.register_forward_hook(lambda *_: None), "cpu", False, id="a hook"
        ),
        pytest.param(
            lambda one: setattr(one, "forward", lambda inputs: []), "cpu", False, id="its forward"
        ),
        pytest.param(
            lambda one: setattr(one, "_postprocess", None), "cpu", False, id="its postprocessing"
        ),
    ],
)
def test_pastes_for_networks_that_do_no_more(change, device, expected):
    assert can_paste(changed(change), device=device) is expected


@pytest.mark.parametrize(
    ("place", "name"), [(GeneralizedRCNN, "inference"), (rcnn, "detector_postprocess")]
)
def test_what_somebody_put_in_detectron2s_place_is_asked(place, name, monkeypatch):
    made = network()
    monkeypatch.setattr(place, name, lambda *_: None)
    assert not can_paste(made, device="cpu")


def test_another_architecture_pastes_itself():
    assert not can_paste(nn.Identity(), device="cpu")


@pytest.mark.parametrize("size_hw", [(1, 1), (48, 64), (96, 128)])
def test_a_network_says_the_same_either_way(size_hw, opened):
    model = Model.load(opened, device="cpu")
    model_input = InputBuilder(model.metadata.input)(noise_bgr(*size_hw)).as_dict()
    with torch.inference_mode():
        (expected,) = model.network([dict(model_input)])
        (found,) = run_and_paste(model.network, [dict(model_input)])
    found, expected = found["instances"], expected["instances"]
    assert found.image_size == expected.image_size
    assert found.get_fields().keys() == expected.get_fields().keys()
    for name in ("scores", "pred_classes"):
        assert torch.equal(found.get(name), expected.get(name))
    assert torch.equal(found.pred_boxes.tensor, expected.pred_boxes.tensor)
    masks = np.array([*found.pred_masks], bool).reshape(expected.pred_masks.shape)
    np.testing.assert_array_equal(masks, expected.pred_masks.numpy())
