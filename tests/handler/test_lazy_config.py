import functools

import pytest
import torch

from handler.lazy_config import UntrustedName, build_from_lazy, find_object


def test_builds_objects_inside_objects():
    node = {
        "_target_": "torch.nn.Sequential",
    }
    assert isinstance(build_from_lazy(node), torch.nn.Sequential)
    linear = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 3}
    built = build_from_lazy({"a": [linear, 5, "x", None], "b": {"c": linear}})
    assert built["a"][0].out_features == built["b"]["c"].out_features == 3
    assert built["a"][1:] == [5, "x", None]


def test_builds_partials_and_classes():
    partial = build_from_lazy({"_partial_": "torch.nn.LayerNorm", "eps": 1e-6})
    assert isinstance(partial, functools.partial)
    assert partial(4).eps == 1e-6
    assert build_from_lazy({"_object_": "torch.nn.ReLU"}) is torch.nn.ReLU


@pytest.mark.parametrize(
    "name",
    [
        "torch.nn.ReLU",
        "torch.nn.functional.relu",
        "torch.nn.functional.gelu",
        "detectron2.modeling.FPN",
        "detectron2.modeling.backbone.ResNet.make_default_stages",
        "detectron2.layers.ShapeSpec",
        "detectron2.layers.shape_spec.ShapeSpec",
        "detectron2.modeling.anchor_generator.DefaultAnchorGenerator",
        "detectron2.modeling.matcher.Matcher",
    ],
)
def test_finds_what_builds_networks(name):
    assert callable(find_object(name))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "torch.load",
        "torch.hub.load",
        "torch.nn.modules.module.torch.load",
        "detectron2.layers.wrappers.warnings.sys.exit",
        "detectron2.utils.file_io.PathManager",
        "torch.nnx.Linear",
        "torch.nn",
        "system",
        "torch.nn.attention._fa3.register_flash_attention_fa3",
        "torch.nn.utils._deprecation_utils.lazy_deprecated_import",
        "torch.nn.modules.module.register_module_forward_hook",
        "torch.nn.functional.importlib.import_module",
        "torch.nn.Module.__init__",
        "torch.nn.Module.compile",
        "torch.nn.Module.apply",
        "torch.nn.Linear.register_forward_hook",
        "detectron2.modeling.backbone.ResNet.compile",
        "detectron2.modeling.backbone.ResNet.freeze",
        "torch.nn.attention.sdpa_kernel",
        "torch.nn.init.kaiming_normal_",
        "detectron2.modeling.build_model",
        "",
        ".",
        None,
        3,
        ["torch.nn.ReLU"],
    ],
)
@pytest.mark.parametrize("mark", ["_target_", "_partial_", "_object_"])
def test_refuses_everything_else(name, mark):
    with pytest.raises(UntrustedName, match="is refused: a config may name classes of"):
        find_object(name)
    if name:
        with pytest.raises(UntrustedName):
            build_from_lazy({mark: name})


def test_modules_of_the_owner_may_be_named(tmp_path, monkeypatch):
    (tmp_path / "owners_module.py").write_text("class Thing: pass\nfrom os import system\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_object("owners_module.Thing", modules=("owners_module",)).__name__ == "Thing"
    with pytest.raises(UntrustedName):
        find_object("owners_module.Thing")
    with pytest.raises(UntrustedName):  # what it has imported is not its own
        find_object("owners_module.system", modules=("owners_module",))


def test_a_name_that_nothing_has():
    with pytest.raises(ValueError, match=r'there is no "torch\.nn\.NoSuchThing"'):
        find_object("torch.nn.NoSuchThing")
