"""docs/guides/detectron1.md: a model that Caffe2 trained."""

import json

import pytest
import torch

from export.unpickle import read_arrays
from tests.checkpoints import write_pickle
from tests.guides.material import DETECTRON1_CFG, DETECTRON1_CONFIG, PARTS


@pytest.fixture(scope="module")
def report(project):
    project.type("detectron1", "evaluate")
    return json.loads((project.folder / "judged-parts" / "report.json").read_text())


def test_every_object_is_found_as_what_it_is(report):
    assert report["ap"]["bbox"]["AP"] == pytest.approx(100)
    assert report["ap"]["segm"]["AP"] == pytest.approx(100)
    *rows, false_alarms = report["confusion"]["counts"]
    assert all(
        bool(count) == (row == column)
        for row, counts in enumerate(rows)
        for column, count in enumerate(counts)
    )
    assert not any(false_alarms)


def test_names_are_in_the_order_of_the_file(project):
    assert (project.folder / "parts.txt").read_text().split() == list(PARTS)
    assert list(PARTS.values()) != sorted(PARTS.values())


@pytest.fixture(scope="module")
def blobs(project):
    return read_arrays(project.folder / "data" / "parts" / "model_final.pkl")["blobs"]


@pytest.mark.parametrize(
    ("part", "words", "shown"),
    [
        pytest.param(
            lambda name: True,
            ["--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "4"],
            "The weights have 3 classes, the config says 4",
            id="the background counted",
        ),
        pytest.param(
            lambda name: "mask" not in name,
            ["--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "3"],
            "The config has a mask head, the weights have none",
            id="no masks",
        ),
        pytest.param(
            lambda name: True,
            ["--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "3", "MODEL.RESNETS.DEPTH", "101"],
            "The weights have 50 ResNet layers, the config says 101",
            id="another depth",
        ),
        pytest.param(
            lambda name: name.startswith(("res", "conv1", "fc1000")),
            ["--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "3"],
            "The weights have none of Detectron2's heads",
            id="a backbone alone",
        ),
    ],
)
def test_what_goes_wrong(part, words, shown, blobs, project, tmp_path):
    weights = tmp_path / "model_final.pkl"
    write_pickle(weights, {"blobs": {name: one for name, one in blobs.items() if part(name)}})
    given = ["--model-name", "wrong", "--version", "1", "--config-file", DETECTRON1_CONFIG]
    project.goes_wrong("detectron1", shown, ["export", *given, "--weights", str(weights), *words])


def test_its_config_is_not_detectron2s(project, tmp_path):
    config, weights = tmp_path / "e2e_mask_rcnn_R-50-FPN_1x.yaml", "data/parts/model_final.pkl"
    config.write_text(DETECTRON1_CFG)
    given = ["--model-name", "wrong", "--version", "1", "--config-file", str(config)]
    shown = "is a config of Detectron1, which Detectron2 does not read"
    project.goes_wrong("detectron1", shown, ["export", *given, "--weights", weights])


def test_a_backbone_says_that_it_is_one(project, tmp_path):
    write_pickle(tmp_path / "R-50.pkl", {"conv1_w": torch.zeros(1).numpy()})
    said = project.inspect(str(tmp_path / "R-50.pkl")).out.splitlines()[0]
    shown = said.partition(": ")[2]
    assert shown == "a backbone, from which a training starts"
    assert f"`{shown}`" in project.guides["detectron1"].text
