import logging
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from detectron2.layers import deform_conv as layers
from detectron2.utils.develop import create_dummy_class, create_dummy_func

from handler.operators import deformable, install_missing

CLASSES = ("DeformConv", "ModulatedDeformConv")
FUNCTIONS = ("deform_conv", "modulated_deform_conv")
OPERATORS = ("nms_rotated", "box_iou_rotated", "roi_align_rotated_forward")


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch):
    """What Detectron2 puts in place of what was not compiled, as on the first import."""
    install_missing()
    made = {name: create_dummy_class(name, "detectron2._C") for name in CLASSES}
    made |= {name: create_dummy_func(name, "detectron2._C") for name in FUNCTIONS}
    for name, stand_in in made.items():
        monkeypatch.setattr(layers, name, stand_in)
    return made


def test_stand_ins_are_replaced_wherever_they_were_imported(stand_ins, monkeypatch):
    module = ModuleType("somebodys_module")
    module.Renamed, module.convolve = stand_ins["DeformConv"], stand_ins["modulated_deform_conv"]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert install_missing() == CLASSES + FUNCTIONS
    assert module.Renamed is layers.DeformConv is deformable.DeformConv
    assert module.convolve is layers.modulated_deform_conv is deformable.modulated_deform_conv


def test_the_second_time_there_is_nothing_to_do_and_nothing_to_say(stand_ins, caplog):
    with caplog.at_level(logging.INFO):
        assert install_missing()
        assert install_missing() == ()
    (message,) = caplog.messages
    assert message == (
        "DeformConv, ModulatedDeformConv, deform_conv, modulated_deform_conv "
        "run on PyTorch and torchvision, not compiled ones"
    )


@pytest.mark.parametrize("device", ["cuda:0", None, "cpu"])
def test_compiled_layers_stay_where_they_can_run(device, stand_ins, monkeypatch):
    compiled = type("DeformConv", (torch.nn.Module,), {})
    monkeypatch.setattr(layers, "DeformConv", compiled)
    stays = device != "cpu"
    assert install_missing(device=device) == (CLASSES + FUNCTIONS)[stays:]
    assert layers.DeformConv is (compiled if stays else deformable.DeformConv)


def test_modules_without_attributes_are_no_obstacle(stand_ins, monkeypatch):
    monkeypatch.setitem(sys.modules, "not_a_module", None)
    assert install_missing()


@pytest.mark.parametrize("name", CLASSES)
def test_a_config_names_the_layers_where_detectron2_has_them(name):
    install_missing()
    ours = getattr(layers, name)
    assert f"{ours.__module__}.{ours.__qualname__}" == f"detectron2.layers.deform_conv.{name}"


def test_detectron2_has_nothing_else_that_is_missing():
    install_missing()
    left = [
        f"{module.__name__}.{name}"
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith("detectron2.")
        for name, value in vars(module).items()
        if type(value).__name__ == "_DummyMetaClass" or getattr(value, "__name__", "") == "_dummy"
    ]
    assert left == []


WHERE_NOTHING_WAS_COMPILED = """
import detectron2.modeling.backbone.resnet as resnet
import torch
from handler.operators import install_missing
assert "_Dummy" in resnet.DeformConv.__qualname__
print(*install_missing(), resnet.DeformConv.__name__)
assert install_missing() == ()
assert torch.ops.detectron2.box_iou_rotated(torch.ones(1, 5), torch.ones(1, 5)).item() == 1
"""

WHERE_ALL_WAS_COMPILED = f"""
import sys, types
import torch
sys.modules["detectron2._C"] = types.ModuleType("detectron2._C")
library = torch.library.Library("detectron2", "DEF")
for name in {OPERATORS}:
    library.define(name + "(Tensor x) -> Tensor")
    library.impl(name, lambda x: x + 41, "CompositeExplicitAutograd")
from handler.operators import deformable, install_missing
from detectron2.layers import DeformConv
print(*install_missing())
assert DeformConv is not deformable.DeformConv
for name in {OPERATORS}:
    assert getattr(torch.ops.detectron2, name)(torch.ones(1)).item() == 42
"""


@pytest.mark.parametrize(
    ("program", "installed"),
    [
        pytest.param(
            WHERE_NOTHING_WAS_COMPILED,
            [*CLASSES, *FUNCTIONS, *OPERATORS, "DeformConv"],
            id="nothing was compiled",
        ),
        pytest.param(WHERE_ALL_WAS_COMPILED, [], id="all was compiled"),
    ],
)
def test_in_a_process_of_its_own(program, installed, pytestconfig):
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(
        command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == installed
