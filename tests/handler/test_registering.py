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
