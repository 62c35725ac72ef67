"""docs/guides/handed-over.md: weights and the text of a config, and nothing else."""

import json
from pathlib import Path

import cv2
import pytest
import torch

from tests.guides.material import DETECTRON1_CFG


@pytest.fixture(scope="module")
def folder(project):
    return project.folder


def test_pictures_and_sheets(folder, project):
    project.program("handed-over", "sheets.py")
    project.type("handed-over", "inspect", "predict", "sheets")
    assert len(list((folder / "looked").glob("*.jpg"))) == 6
    found = json.loads((folder / "looked" / "summary.json").read_text())["classes"]
    assert {one["class_name"] for one in found} == {"class_0", "class_1", "class_2"}
    for one in found:
        sheet = cv2.imread(str(folder / f"{one['class_name']}.png"))
        assert sheet.shape[1:] == (960, 3)
        assert sheet.any()


def test_it_gets_its_names_while_it_is_served(folder, project):
    project.type("handed-over", "named", "rollout")
    words = ["predict", "data/masks/photographs", "--model", "masks", "--output", "named"]
    assert project.client(*words, "--no-pictures").code == 0
    summary = json.loads((folder / "named" / "summary.json").read_text())
    assert summary["model"] == {"name": "masks", "version": "1.1"}
    names = {one["class_name"] for one in summary["classes"]}
    assert names == {"with_mask", "without_mask", "worn_wrongly"}


class Trainer:
    """What does not belong into a checkpoint."""


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "data/masks/model_final.pth", weights_only=True)["model"]


THREE = ["--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "3"]
DUMPS = {
    "a log at its top": (
        lambda text: f"[11/20 d2.config]: Config:\n{text}".encode(),
        "is not YAML",
    ),
    "of Detectron1": (lambda text: DETECTRON1_CFG.encode(), "is a config of Detectron1"),
    "parts that are not there": (
        lambda text: text.replace("StandardROIHeads", "MaskWearingHeads").encode(),
        "Modules of your own are given with --extra-modules",
    ),
}
WEIGHTS = {
    "another program's": (
        lambda found: {f"student.{name}": one for name, one in found.items()},
        "unknown to the config's network: student.* (all ...)",
    ),
    "no masks": (
        lambda found: {n: one for n, one in found.items() if "mask_head" not in n},
        "The config has a mask head, the weights have none",
    ),
    "a backbone": (
        lambda found: {n: one for n, one in found.items() if n.startswith("backbone")},
        "The weights have none of Detectron2's heads",
    ),
    "an object": (
        lambda found: {"model": found, "trainer": Trainer()},
        "asks for ..., which could run code of whoever made the file",
    ),
}
OPTIONS = {
    "masks": (
        ["MODEL.MASK_ON", "False"],
        "The weights have a mask head, the config has none",
    ),
    "another depth": (
        ["MODEL.RESNETS.DEPTH", "101"],
        "The weights have 50 ResNet layers, the config says 101",
    ),
    "another architecture": (
        ["MODEL.META_ARCHITECTURE", "ProposalNetwork"],
        "The weights look like those of a ..., the config's network is a ...",
    ),
    "another backbone": (
        ["MODEL.RESNETS.WIDTH_PER_GROUP", "16"],
        "shape of backbone...",
    ),
}


def export(*words: str) -> list[str]:
    return ["export", "--model-name", "wrong", "--version", "1", *words]


@pytest.mark.parametrize("kind", DUMPS)
def test_a_dump_that_cannot_be_read(kind, folder, project, tmp_path):
    write, shown = DUMPS[kind]
    text = (folder / "data/masks/cfgdump.txt").read_text()
    (tmp_path / "cfgdump.txt").write_bytes(write(text))
    words = ["--config-file", str(tmp_path / "cfgdump.txt")]
    words += ["--weights", "data/masks/model_final.pth"]
    project.goes_wrong("handed-over", shown, export(*words))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_do_not_fit(kind, folder, project, tmp_path):
    change, shown = WEIGHTS[kind]
    torch.save(change(tensors(folder)), tmp_path / "model_final.pth")
    words = ["--weights", str(tmp_path / "model_final.pth")]
    words += ["--config-file", "data/masks/cfgdump.txt", *THREE]
    project.goes_wrong("handed-over", shown, export(*words))


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_config_of_another_network(kind, project):
    values, shown = OPTIONS[kind]
    words = ["--config-file", "data/masks/cfgdump.txt", "--weights", "data/masks/model_final.pth"]
    project.goes_wrong("handed-over", shown, export(*words, *THREE, *values))


def test_an_archive_that_is_there(project):
    words = ["--config-file", "data/masks/cfgdump.txt", "--weights", "data/masks/model_final.pth"]
    words += ["--model-name", "masks", "--version", "1.0"]
    project.goes_wrong("handed-over", "masks.mar exists already", ["export", *words])
