"""`python -m export inspect` about weights, in every form that people hold them in."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from export.checkpoint_inspection import inspect_checkpoint
from export.cli import main
from export.errors import ExportError
from handler.layout import sha256_of
from tests import architectures
from tests.checkpoints import arrays, as_caffe2, write_pickle
from tests.models import save_training, tiny_config

CFG = """\
MODEL: !!python/object/new:detectron.utils.collections.AttrDict
  dictitems:
    CONV_BODY: FPN.add_fpn_ResNet50_conv5_body
    FASTER_RCNN: true
    MASK_ON: true
    NUM_CLASSES: 4
    TYPE: generalized_rcnn
TEST: {MAX_SIZE: 1333, NMS: 0.5, SCALE: 800}
"""


@pytest.fixture(scope="module")
def tensors(tmp_path_factory):
    config = tiny_config()
    config.MODEL.RESNETS.NORM = "FrozenBN"
    training = save_training(tmp_path_factory.mktemp("frozen"), config)
    return torch.load(training.weights, weights_only=True)["model"]


def saved(content, folder: Path, **options) -> Path:
    torch.save(content, folder / "weights.pth", **options)
    return folder / "weights.pth"


def pickled(content, folder: Path) -> Path:
    return write_pickle(folder / "weights.pkl", content)


def as_safetensors(tensors, folder: Path) -> Path:
    save_file(tensors, folder / "weights.safetensors")
    return folder / "weights.safetensors"


def author(tensors):
    return {"model": arrays(tensors), "__author__": "Detectron2 Model Zoo"}


FORMS = {
    "a training": (
        lambda found, folder: saved({"model": found, "optimizer": {}, "iteration": 99}, folder),
        ("training-checkpoint", "detectron2", 99, ("iteration", "optimizer")),
    ),
    "a training of before torch 1.6": (
        lambda found, folder: saved(
            {"model": found, "epoch": 3}, folder, _use_new_zipfile_serialization=False
        ),
        ("training-checkpoint", "detectron2", None, ("epoch",)),
    ),
    "the zoo": (
        lambda found, folder: pickled(author(found), folder),
        ("zoo-pickle", "detectron2", None, ("__author__",)),
    ),
    "Detectron1": (
        lambda found, folder: pickled({"blobs": as_caffe2(found), "cfg": CFG}, folder),
        ("detectron1", "caffe2", None, ("cfg",)),
    ),
    "a state dict": (saved, ("state-dict", "detectron2", None, ())),
    "safetensors": (as_safetensors, ("state-dict", "detectron2", None, ())),
    "a model and metrics": (
        lambda found, folder: saved({"state_dict": found, "AP": 0.5}, folder),
        ("weights", "detectron2", None, ("AP",)),
    ),
    "DistributedDataParallel": (
        lambda found, folder: saved({f"module.{name}": one for name, one in found.items()}, folder),
        ("state-dict", "detectron2", None, ()),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_model(form, tensors, tmp_path):
    write, expected = FORMS[form]
    file = write(tensors, tmp_path)
    found = inspect_checkpoint(file)
    assert (found.kind, found.names, found.iteration, found.beside) == expected
    assert found.sha256 == sha256_of(file)
    assert found.size == file.stat().st_size
    assert found.dtypes == {"float32": found.tensors}
    parts = found.parts
    assert (parts.architecture, parts.depth, parts.has_fpn) == ("GeneralizedRCNN", 50, True)
    assert (parts.heads, parts.classes) == (("proposals", "boxes", "masks"), 3)
    if form != "Detectron1":  # which has blobs that nobody used, and no statistics
        assert found.tensors == len(tensors)
        assert found.numbers == sum(one.numel() for one in tensors.values())


def backbone_of(tensors):
    prefix = "backbone.bottom_up."
    return {n.removeprefix(prefix): one for n, one in arrays(tensors).items() if prefix in n}


BACKBONES = {
    "of Caffe2": lambda found: {
        name: one for name, one in as_caffe2(found).items() if name.startswith(("res", "conv1_"))
    },
    "converted": lambda found: {
        "model": backbone_of(found),
        "__author__": "torchvision",
        "matching_heuristics": True,
    },
}


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_backbone(kind, tensors, tmp_path, capsys):
    file = pickled(BACKBONES[kind](tensors), tmp_path)
    assert main(["inspect", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{file}: a backbone, from which a training starts\n")
    assert "  looks like ResNet-50\n" in out
    assert "  heads      none\n" in out
    assert "classes" not in out


def test_says_it_to_people(tensors, tmp_path, capsys):
    file = saved({"model": tensors, "scheduler": {}, "iteration": 99}, tmp_path)
    assert main(["inspect", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: a checkpoint of a training, iteration 99",
        "  weights    299 tensors (299 float32), 315,402 numbers, file of "
        f"{file.stat().st_size / 1e6:.1f} MB",
        "  names      Detectron2's",
        "  looks like GeneralizedRCNN, ResNet-50, a feature pyramid (FPN)",
        "  heads      proposals, boxes, masks",
        "  classes    3",
        "  beside     iteration, scheduler",
        f"  sha256     {sha256_of(file)}",
    ]


def test_says_it_as_json(tensors, tmp_path, capsys):
    file = saved({"model": tensors, "iteration": 99}, tmp_path)
    assert main(["inspect", "--json", str(file)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == str(file)
    assert document["parts"]["heads"] == ["proposals", "boxes", "masks"]
    assert (document["parts"]["classes"], document["iteration"]) == (3, 99)


def test_which_config_a_detectron1_model_wants(tensors, tmp_path, capsys):
    main(["inspect", str(pickled({"blobs": as_caffe2(tensors), "cfg": CFG}, tmp_path))])
    assert (
        "  config     Detectron1's. Its network is --config-file Detectron1-Comparisons/"
        "mask_rcnn_R_50_FPN_noaug_1x.yaml --opts MODEL.ROI_HEADS.NUM_CLASSES 3 MODEL.PIXEL_MEAN "
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make_config", "lines"),
    [
        pytest.param(
            architectures.keypoint_config,
            ["  heads      proposals, boxes, keypoints", "  classes    1", "  keypoints  17"],
            id="keypoints",
        ),
        pytest.param(
            architectures.panoptic_fpn_config,
            ["  looks like PanopticFPN, ResNet-50, a feature pyramid (FPN)", "  semantic   "],
            id="panoptic",
        ),
        pytest.param(architectures.retinanet_config, ["  looks like RetinaNet, "], id="RetinaNet"),
    ],
)
def test_other_heads(make_config, lines, tmp_path, capsys):
    training = save_training(tmp_path, make_config())
    assert main(["inspect", str(training.weights)]) == 0
    out = capsys.readouterr().out
    assert [line for line in lines if f"\n{line}" not in out] == []


def test_half_precision_and_what_is_not_finite(tensors, tmp_path, capsys):
    half = {name: one.half() for name, one in tensors.items()}
    half["roi_heads.box_predictor.cls_score.bias"][0] = float("nan")
    half["counter"] = torch.tensor(3)
    assert main(["inspect", str(saved(half, tmp_path))]) == 0
    out = capsys.readouterr().out
    assert "300 tensors (299 float16, 1 int64)" in out
    last = out.splitlines()[-1]
    assert last.startswith("  NOT FINITE (NaN or infinity), ")
    assert "cls_score.bias" in last


def test_weights_of_another_program(tmp_path, capsys):
    weights = {f"model.{index}.conv.weight": torch.zeros(2) for index in range(3)}
    assert main(["inspect", str(saved({"state_dict": weights, "epoch": 7}, tmp_path))]) == 0
    out = capsys.readouterr().out
    assert "  names      of another program, or of a backbone alone\n" in out
    assert "  looks like none of Detectron2's networks\n" in out


def test_caffe2_names_of_somebody_else(tmp_path):
    found = inspect_checkpoint(pickled({"a.b.c": np.ones(2), "a_b_c": np.ones(2)}, tmp_path))
    assert found.tensors == 2
    clash = pickled({"blobs": {"a_b": np.ones(2), "a.b": np.ones(3)}}, tmp_path)
    assert inspect_checkpoint(clash).tensors == 2


def test_nothing_of_it_is_run(tmp_path, capsys):
    trap = tmp_path / "run"
    code = f"cpathlib\nPath\n(S'{trap}'\ntR.".encode()
    (tmp_path / "weights.pkl").write_bytes(b"(dS'model'\n" + code)
    assert main(["inspect", str(tmp_path / "weights.pkl")]) == 1
    error = capsys.readouterr().err
    assert "asks for pathlib.Path, which could run code of whoever made the file" in error
    assert "an export with --trust-checkpoint" in error


def test_what_is_neither(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    for name in ("notes.txt", "none.pth"):
        assert main(["inspect", str(tmp_path / name)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{tmp_path}/notes.txt is not a checkpoint, or it is cut off: ")
    assert second.startswith(f"{tmp_path}/none.pth cannot be read: ")


def test_an_archive_by_another_name_is_one(store, tmp_path, capsys):
    copy = tmp_path / "tiny.zip"
    copy.write_bytes((store / "tiny.mar").read_bytes())
    assert main(["inspect", str(copy)]) == 0
    assert capsys.readouterr().out.startswith(f"{copy}: tiny 1.0\n")


def test_a_cut_off_checkpoint_is_an_error(tensors, tmp_path):
    file = saved(tensors, tmp_path)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ExportError, match="cut off"):
        inspect_checkpoint(file)
