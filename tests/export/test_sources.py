"""What you can export: every row of the README's table, end to end, proven or equal to what is."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from detectron2.config import LazyConfig, get_cfg, instantiate
from detectron2.config.compat import downgrade_config
from detectron2.engine import DefaultPredictor
from detectron2.modeling import build_model
from safetensors.torch import load, save_file

from export.open_as_worker import as_arrays
from export.zoo import CONFIGS
from handler.config import parse_config
from handler.metadata import Metadata
from handler.model import Model
from handler.model_input import InputBuilder
from tests.architectures import (
    deeplab_config,
    fast_rcnn_config,
    panoptic_deeplab_config,
    point_rend_config,
)
from tests.checkpoints import arrays, as_caffe2, write_pickle
from tests.export.conftest import Exporter
from tests.images import noise_bgr, png
from tests.models import Training, make_it_find_something, save_training, tiny_config

LAZY = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.py"

CUSTOM_MODULE = """
from detectron2.modeling import BACKBONE_REGISTRY, Backbone
from detectron2.modeling.backbone.fpn import build_resnet_fpn_backbone

class Doubled(Backbone):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.size_divisibility_ = inner.size_divisibility
    @property
    def size_divisibility(self):
        return self.size_divisibility_
    def forward(self, x):
        return {name: features * 2 for name, features in self.inner(x).items()}
    def output_shape(self):
        return self.inner.output_shape()

@BACKBONE_REGISTRY.register()
def build_doubled_backbone(cfg, input_shape):
    return Doubled(build_resnet_fpn_backbone(cfg, input_shape))
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.png"
    file.write_bytes(png(noise_bgr(120, 160)))
    return file


def edited(training: Training, folder: Path, edit) -> Path:
    """A config of a training, changed as plain values."""
    values = yaml.safe_load(training.config_file.read_text())
    edit(values)
    file = folder / "edited.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def assert_proven(exporter: Exporter, detections: int = 1) -> None:
    verification = exporter.metadata.verification
    assert verification["exact"]
    assert verification["detections"] >= detections
    assert sorted(exporter.leftovers) == ["model.mar", "model.mar.sha256"]


def assert_as_proven(exporter: Exporter, opened: Path, *, sections: Sequence[str]) -> None:
    """The archive is that of `tiny.mar`, which was verified: the same weights and settings."""
    config, proven = (
        parse_config(text)
        for text in (exporter.read("config.yaml"), (opened / "config.yaml").read_text())
    )
    for section in sections:
        assert config[section] == proven[section]
    digests = [one.files["model.safetensors"] for one in (exporter.metadata, Metadata.read(opened))]
    assert digests[0] == digests[1]


def test_a_default_trainer_run(exporter, training, image, capsys):
    assert (
        exporter(config_file=training.config_file, weights=training.weights, verify_image=image)
        == 0
    )
    assert_proven(exporter)
    out = capsys.readouterr().out
    assert "left behind: iteration, optimizer" in out
    assert "equals DefaultPredictor on 1 image with" in out
    around_the_weights = 150_000  # bytes; the handler, above all
    half = training.weights.stat().st_size / 2
    assert exporter.archive.stat().st_size < half + around_the_weights


def test_fast_rcnn_is_proven_with_generated_proposals(exporter, image, tmp_path, capsys):
    config = fast_rcnn_config()
    config.DATASETS.PRECOMPUTED_PROPOSAL_TOPK_TEST = 20
    training = save_training(tmp_path, config)
    assert (
        exporter(config_file=training.config_file, weights=training.weights, verify_image=image)
        == 0
    )
    assert_proven(exporter)
    assert exporter.metadata.input.proposal_topk == 20
    assert "equals the model called directly on 1 image with" in capsys.readouterr().out


@pytest.mark.parametrize("precision", ["fast", "bf16"])
def test_a_faster_precision_says_what_it_changes(precision, exporter, training, image, capsys):
    given = {"config_file": training.config_file, "weights": training.weights}
    assert exporter(**given, verify_image=image, precision=precision) == 0
    assert_proven(exporter)  # that the archive computes as the network does at that precision
    beside_exact = exporter.metadata.verification["beside_exact"]
    assert exporter.metadata.precision == beside_exact["precision"] == precision
    assert beside_exact["detections"] > 0
    assert f"{precision} beside exact: " in capsys.readouterr().out


def test_a_dump_with_keys_of_ones_own(exporter, training, image, tmp_path, capsys):
    def edit(values):
        values["MY_CUSTOM"] = {"LOG_FILE": "x.log", "DEPTH": {"A": [1, 2]}, "NOTHING": None}
        values["MODEL"]["MINE"] = 3

    config = edited(training, tmp_path, edit)
    assert exporter(config_file=config, weights=training.weights, verify_image=image) == 0
    assert_proven(exporter)
    assert "kept as they are: MODEL.MINE, MY_CUSTOM." in capsys.readouterr().err
    assert parse_config(exporter.read("config.yaml")).MY_CUSTOM.DEPTH.A == [1, 2]


@pytest.mark.parametrize(
    ("make_config", "outputs", "stuff", "detections"),
    [
        pytest.param(point_rend_config, ("boxes", "masks"), 0, 1, id="PointRend"),
        pytest.param(deeplab_config, ("semantic",), 19, 0, id="DeepLab"),
        pytest.param(
            panoptic_deeplab_config, ("semantic", "panoptic"), 19, 0, id="Panoptic-DeepLab"
        ),
    ],
)
def test_a_dump_of_detectron2s_projects(
    make_config, outputs, stuff, detections, exporter, image, tmp_path
):
    training = save_training(tmp_path, make_config())
    assert (
        exporter(config_file=training.config_file, weights=training.weights, verify_image=image)
        == 0
    )
    assert_proven(exporter, detections)
    metadata = exporter.metadata
    assert set(outputs) <= set(metadata.outputs)
    assert len(metadata.stuff_classes) == stuff
    assert "SyncBN" not in exporter.read("config.yaml")
    if stuff:
        assert metadata.stuff_classes[0].name == "road"


def test_a_dump_of_a_newer_detectron2(exporter, training, opened, tmp_path, capsys):
    config = edited(training, tmp_path, lambda v: v.update(FLOAT32_PRECISION=""))
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL", "INPUT"])
    assert "FLOAT32_PRECISION" in capsys.readouterr().err


def test_a_dump_of_an_older_detectron2(exporter, training, opened, tmp_path):
    def edit(values):  # keys that came later fall back to their defaults
        del values["MODEL"]["ROI_BOX_HEAD"]["FED_LOSS_NUM_CLASSES"]
        del values["SOLVER"]["BASE_LR_END"]
        del values["FLOAT32_PRECISION" if "FLOAT32_PRECISION" in values else "SEED"]

    config = edited(training, tmp_path, edit)
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL", "INPUT"])


def test_a_dump_rewritten_by_yaml(exporter, training, opened, tmp_path):
    text = training.config_file.read_text()
    config = tmp_path / "rewritten.yaml"
    config.write_text(yaml.dump(yaml.safe_load(text), sort_keys=True, default_flow_style=True))
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL", "INPUT"])


def test_a_dump_with_tuple_tags(exporter, training, opened, tmp_path):
    values = yaml.safe_load(training.config_file.read_text())
    values["DATASETS"]["TEST"] = ("a", "b")
    values["SOLVER"]["STEPS"] = (10, 20)
    config = tmp_path / "tuples.yaml"
    config.write_text(yaml.dump(values))
    assert "!!python/tuple" in config.read_text()
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL", "INPUT"])


@pytest.mark.parametrize("version_written", [True, False], ids=["says so", "to be guessed"])
def test_an_old_version_1_config(version_written, exporter, training, opened, tmp_path):
    old = downgrade_config(tiny_config(), to_version=1)
    text = old.dump()
    assert "WEIGHT: " in text
    config = tmp_path / "old.yaml"
    config.write_text(text if version_written else text.replace("VERSION: 1\n", ""))
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL", "INPUT"])
    written = parse_config(exporter.read("config.yaml"))
    assert written.VERSION == 2
    assert written.MODEL.WEIGHTS == ""


def test_a_chain_of_bases(exporter, training, opened, tmp_path):
    (tmp_path / "deep").mkdir()
    base = tmp_path / "deep" / "base.yaml"
    base.write_text(training.config_file.read_text())
    (tmp_path / "middle.yaml").write_text("_BASE_: deep/base.yaml\nINPUT:\n  MIN_SIZE_TEST: 1\n")
    config = tmp_path / "top.yaml"
    config.write_text("_BASE_: middle.yaml\nINPUT:\n  MIN_SIZE_TEST: 80\n")
    assert exporter("--skip-verification", config_file=config, weights=training.weights) == 0
    assert_as_proven(exporter, opened, sections=["MODEL"])
    assert exporter.metadata.input.min_size == 80


def test_a_model_zoo_name_with_a_zoo_pickle(exporter, image, tmp_path):
    name = "COCO-Detection/retinanet_R_50_FPN_1x.yaml"
    config = get_cfg()
    config.merge_from_file(str(CONFIGS / name))
    config.MODEL.DEVICE = "cpu"
    smaller = [
        *("INPUT.MIN_SIZE_TEST", "128", "MODEL.RETINANET.SCORE_THRESH_TEST", "0.0"),
        *("MODEL.RESNETS.STEM_OUT_CHANNELS", "8", "MODEL.RESNETS.RES2_OUT_CHANNELS", "16"),
        *("MODEL.RESNETS.WIDTH_PER_GROUP", "8", "MODEL.FPN.OUT_CHANNELS", "16"),
    ]
    config.merge_from_list(smaller)
    network = build_model(config)
    content = {"model": arrays(network.state_dict()), "__author__": "Detectron2 Model Zoo"}
    weights = write_pickle(tmp_path / "model_final_5bd44e.pkl", content)
    assert exporter("--opts", *smaller, config_file=name, weights=weights, verify_image=image) == 0
    assert_proven(exporter, detections=0)
    metadata = exporter.metadata
    assert metadata.architecture == "RetinaNet"
    assert [one.name for one in metadata.classes[:2]] == ["person", "bicycle"]
    assert metadata.classes[79].dataset_id == 90
    assert metadata.classes[0].color_rgb == (220, 20, 60)


def test_a_detectron1_pickle(exporter, image, tmp_path):
    config = tiny_config()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    training = save_training(tmp_path, config)
    trained = torch.load(training.weights, weights_only=True)["model"]
    weights = write_pickle(
        tmp_path / "model_final.pkl", {"cfg": "a text", "blobs": as_caffe2(trained)}
    )
    assert exporter(config_file=training.config_file, weights=weights, verify_image=image) == 0
    assert_proven(exporter, detections=0)
    # Detectron2's own loader, which unpickles anything, must come to the same network.
    config.MODEL.WEIGHTS = str(weights)
    assert packed_equals(exporter, DefaultPredictor(config).model.state_dict())


def tensors_of(training: Training) -> dict[str, torch.Tensor]:
    return torch.load(training.weights, weights_only=True)["model"]


FORMS = {
    "a raw state_dict": torch.save,
    "model": lambda tensors, path: torch.save({"model": tensors}, path),
    "state_dict": lambda tensors, path: torch.save({"state_dict": tensors, "epoch": 3}, path),
    "DistributedDataParallel": lambda tensors, path: torch.save(
        {"model": {f"module.{name}": tensor for name, tensor in tensors.items()}}, path
    ),
    "the format before torch 1.6": lambda tensors, path: torch.save(
        {"model": tensors}, path, _use_new_zipfile_serialization=False
    ),
    "with numpy values": lambda tensors, path: torch.save(
        {"model": tensors, "best": np.float64(0.5), "scores": np.arange(3.0)}, path
    ),
    "model.safetensors": save_file,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_weights(form, exporter, training, tmp_path):
    weights = tmp_path / (form if form.endswith(".safetensors") else "weights.pth")
    FORMS[form](tensors_of(training), weights)
    assert exporter("--skip-verification", config_file=training.config_file, weights=weights) == 0
    assert packed_equals(exporter, tensors_of(training))


def test_half_precision_weights_are_served_in_full(exporter, training, tmp_path, image):
    half = {n: t.half() if t.is_floating_point() else t for n, t in tensors_of(training).items()}
    weights = tmp_path / "half.pth"
    torch.save(half, weights)
    assert exporter(config_file=training.config_file, weights=weights, verify_image=image) == 0
    assert_proven(exporter, detections=0)
    full = {n: t.float() if t.is_floating_point() else t for n, t in half.items()}
    assert packed_equals(exporter, full)


def packed_equals(exporter: Exporter, expected: dict[str, torch.Tensor]) -> bool:
    with zipfile.ZipFile(exporter.archive) as archive:
        packed = load(archive.read("model.safetensors"))
    return packed.keys() == expected.keys() and all(
        torch.equal(packed[name], expected[name]) for name in packed
    )


@dataclass(frozen=True)
class Lazy:
    """A LazyConfig as `.py`, its weights, and what Detectron2 itself builds of it."""

    file: Path
    weights: Path
    network: torch.nn.Module


@pytest.fixture(scope="module")
def lazy(tmp_path_factory: pytest.TempPathFactory) -> Lazy:
    folder = tmp_path_factory.mktemp("lazy")
    file = folder / "lazy.py"
    file.write_text(
        "from detectron2.config import LazyConfig\n"
        "from detectron2.layers import ShapeSpec\n"
        f"_zoo = LazyConfig.load({str(CONFIGS / LAZY)!r})\n"
        "model, dataloader = _zoo.model, _zoo.dataloader\n"
        "model.backbone.bottom_up.stages.depth = 18\n"
        "del model.backbone.bottom_up.stages.stride_in_1x1\n"
        "model.backbone.bottom_up.stages.norm = 'SyncBN'\n"
        "model.backbone.out_channels = model.proposal_generator.head.in_channels = 16\n"
        "heads = model.roi_heads\n"
        "heads.num_classes = 3\n"
        "heads.box_head.input_shape = ShapeSpec(channels=16, height=7, width=7)\n"
        "heads.box_head.fc_dims = [32]\n"
        "heads.box_predictor.input_shape = ShapeSpec(channels=32)\n"
        "heads.mask_head.input_shape = ShapeSpec(channels=16, width=14, height=14)\n"
        "heads.mask_head.conv_dims = [16, 16]\n"
        "dataloader.test.mapper.augmentations[0].short_edge_length = 96\n"
        "dataloader.test.mapper.augmentations[0].max_size = 192\n"
    )
    torch.manual_seed(0)
    model = LazyConfig.load(str(file)).model
    model.backbone.bottom_up.stages.norm = "BN"  # the same at inference, and runs on a CPU
    network = instantiate(model)
    make_it_find_something(network)
    weights = folder / "lazy.pth"
    torch.save({"model": network.state_dict()}, weights)
    return Lazy(file, weights, network.eval())


def saved_as_yaml(lazy: Lazy) -> Path:
    file = lazy.file.with_suffix(".yaml")
    LazyConfig.save(LazyConfig.load(str(lazy.file)), str(file))
    assert "!!python/object" in file.read_text()
    return file


@pytest.mark.parametrize("saved", [False, True], ids=["as .py", "as LazyConfig.save writes it"])
def test_a_lazy_config(saved, lazy, exporter, image, tmp_path):
    config = saved_as_yaml(lazy) if saved else lazy.file
    classes = {"classes": "a,b,c", "score_threshold": 0.01}
    assert exporter(config_file=config, weights=lazy.weights, verify_image=image, **classes) == 0
    assert_proven(exporter)
    metadata = exporter.metadata
    assert metadata.config_kind == "lazy"
    assert (metadata.input.min_size, metadata.input.max_size) == (96, 192)
    assert metadata.class_names == ("a", "b", "c")
    # The archive's network, opened, against what Detectron2's own instantiate builds.
    opened = tmp_path / "opened"
    with zipfile.ZipFile(exporter.archive) as archive:
        archive.extractall(opened)
    model = Model.load(opened, device="cpu")
    box_predictor = lazy.network.roi_heads.box_predictor
    box_predictor.test_score_thresh = 0.01
    model_input = InputBuilder(metadata.input)(noise_bgr(120, 160))
    with torch.no_grad():
        (expected,) = lazy.network([model_input.as_dict()])
    (found,) = model.predict([model_input])
    assert len(expected["instances"]) > 0
    for name, array in as_arrays(expected).items():
        np.testing.assert_array_equal(as_arrays(found)[name], array)


def command(config: Path, weights: Path, exporter: Exporter, *more: object) -> list[str]:
    return [
        *(sys.executable, "-m", "export"),
        *("--config-file", str(config), "--weights", str(weights)),
        *("--model-name", "model", "--version", "1.0", "--export-path", str(exporter.store)),
        *map(str, more),
    ]


@pytest.fixture
def doubled(training, tmp_path) -> Training:
    """A training with a backbone of its own."""

    def edit(values):
        values["MODEL"]["BACKBONE"]["NAME"] = "build_doubled_backbone"

    trained = {
        name.replace("backbone.", "backbone.inner.", 1): tensor
        for name, tensor in tensors_of(training).items()
    }
    weights = tmp_path / "doubled.pth"
    torch.save({"model": trained}, weights)
    return Training(edited(training, tmp_path, edit), weights)


@pytest.mark.parametrize("packaged", [False, True], ids=["a module", "a package"])
def test_a_model_with_modules_of_ones_own(
    packaged, doubled, exporter, image, tmp_path, pytestconfig
):
    if packaged:
        module = tmp_path / "my_modules"
        module.mkdir()
        (module / "__init__.py").write_text("from my_modules import backbone")
        (module / "backbone.py").write_text(CUSTOM_MODULE)
    else:
        module = tmp_path / "my_backbone.py"
        module.write_text(CUSTOM_MODULE)
    options = ["--extra-modules", module, "--verify-image", image]
    with_module = command(doubled.config_file, doubled.weights, exporter, *options)
    subprocess.run(with_module, cwd=pytestconfig.rootpath, check=True)
    assert_proven(exporter)
    assert exporter.metadata.owner_modules == (module.stem,)


def test_a_model_without_its_modules(doubled, exporter, capsys):
    assert exporter(config_file=doubled.config_file, weights=doubled.weights) == 1
    error = capsys.readouterr().err
    assert "build_doubled_backbone" in error
    assert "--extra-modules" in error
