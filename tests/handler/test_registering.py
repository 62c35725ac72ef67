import os
import subprocess
import sys

import pytest

from handler.registering import import_registering


def test_panoptic_deeplab_comes_without_panopticapi():
    module = import_registering("detectron2.projects.panoptic_deeplab")
    assert module.PanopticDeepLab.__name__ == "PanopticDeepLab"
    assert "panopticapi" not in sys.modules
    with pytest.raises(ModuleNotFoundError, match="panopticapi"):
        sys.modules["detectron2.projects.panoptic_deeplab.dataset_mapper"].rgb2id(None)


def test_a_module_that_is_not_there():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_registering("no_such_module")
    assert "panopticapi" not in sys.modules


def test_a_module_may_build_on_a_layer_that_was_not_compiled(tmp_path, pytestconfig):
    (tmp_path / "owners_layers.py").write_text(
        "from detectron2.layers import DeformConv\nclass Mine(DeformConv):\n    pass\n"
    )
    script = (
        "from handler.registering import import_registering;"
        "print(import_registering('owners_layers').Mine(2, 2, 3).weight.shape)"
    )
    path = os.pathsep.join([str(tmp_path), str(pytestconfig.rootpath)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "torch.Size([2, 2, 3, 3])\n", done.stderr
