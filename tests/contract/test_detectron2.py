"""What the handler takes from Detectron2, all of it, so that taking more is a decision.

Each name is in the pure-Python wheel of 0.7.2 (upstream's commit a59f05630a8f) and in upstream's
main as built from source; `make compiled` runs the handler on the build with compiled operators.
"""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
import torch
from detectron2.config import get_cfg
from detectron2.data.transforms import ResizeShortestEdge, ResizeTransform
from detectron2.modeling.meta_arch import GeneralizedRCNN
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Boxes, Instances

IMPORTED = {
    "detectron2.config": {"CfgNode", "get_cfg"},
    "detectron2.data.transforms": {"ResizeShortestEdge", "ResizeTransform", "Transform"},
    "detectron2": {"layers"},
    "detectron2.layers": {"Conv2d", "FrozenBatchNorm2d", "NaiveSyncBatchNorm", "deform_conv"},
    "detectron2.modeling": {"build_model"},
    "detectron2.modeling.meta_arch": {"GeneralizedRCNN", "rcnn"},
    "detectron2.modeling.poolers": {"ROIPooler"},
    "detectron2.modeling.postprocessing": {"detector_postprocess"},
    "detectron2.structures": {"Boxes", "Instances"},
}


def imports_of_detectron2(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(one.name.startswith("detectron2") for one in node.names), file
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("detectron2"):
                names = {one.name for one in node.names}
                found.setdefault(str(node.module), set()).update(names)
    found.pop("detectron2_handler", None)
    return found


def test_the_handler_takes_these_names_and_no_others(pytestconfig: pytest.Config):
    assert imports_of_detectron2(pytestconfig.rootpath / "handler") == IMPORTED


def test_what_quick_start_answers_is_asked_in_training_alone():
    wrappers = importlib.import_module("detectron2.layers.wrappers")
    assert callable(wrappers.check_if_dynamo_compiling)
    source = inspect.getsource(wrappers.Conv2d.forward)
    guarded = source.partition("if not is_dynamo_compiling:")[2].partition("x = F.conv2d")[0]
    assert "self.training" in guarded
    assert "return" not in guarded


@pytest.mark.parametrize("module", IMPORTED)
def test_detectron2_has_them(module):
    for name in IMPORTED[module]:
        assert hasattr(importlib.import_module(module), name)


def test_the_config_names_the_device():
    assert isinstance(get_cfg().MODEL.DEVICE, str)


def test_a_resize_says_its_size():
    transform = ResizeShortestEdge([10, 10], 20).get_transform(torch.zeros(40, 20, 3).numpy())
    assert isinstance(transform, ResizeTransform)
    assert (transform.new_h, transform.new_w) == (20, 10)


def test_a_short_side_of_0_is_another_transform():
    transform = ResizeShortestEdge([0, 0], 20).get_transform(torch.zeros(40, 20, 3).numpy())
    assert not isinstance(transform, ResizeTransform)


def test_instances_and_boxes():
    instances = Instances((4, 4), pred_boxes=Boxes(torch.zeros(1, 4)))
    assert [instances.has(name) for name in ("pred_boxes", "scores")] == [True, False]
    assert isinstance(instances.get("pred_boxes").tensor, torch.Tensor)
    assert set(inspect.signature(Boxes.nonempty).parameters) >= {"threshold"}


def test_a_mask_is_what_reaches_a_half():
    (_, _, _, threshold) = inspect.signature(detector_postprocess).parameters.values()
    assert threshold.default == 0.5
    source = inspect.getsource(GeneralizedRCNN._postprocess)
    assert "detector_postprocess(results_per_image, height, width)" in source


def test_postprocessing_hands_through_fields_that_it_does_not_know():
    fields = {
        "pred_boxes": Boxes(torch.tensor([[0.0, 0, 2, 2], [3, 3, 3, 5]])),
        "small_masks": torch.arange(2),
    }
    processed = detector_postprocess(Instances((10, 10), **fields), 20, 20)
    assert processed.small_masks.tolist() == [0], "the box of the other is empty"
