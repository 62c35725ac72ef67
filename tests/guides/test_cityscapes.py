"""docs/guides/cityscapes.md: a detector judged on the validation set of Cityscapes."""

import importlib
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from detectron2.data.datasets.cityscapes import _cityscapes_files_to_dict

from tests.guides.material import CITYSCAPES


@pytest.fixture(scope="module")
def folder(project):
    project.program("cityscapes", "cityscapes_to_coco.py")
    project.type("cityscapes", "convert", "evaluate")
    return project.folder


@pytest.fixture(scope="module")
def annotations(folder):
    return json.loads((folder / "cityscapes_val.json").read_text())


def test_the_matrix_shows_what_is_wrong(folder):
    report = json.loads((folder / "judged" / "report.json").read_text())
    assert report["annotations"]["judged_images"] == 4
    assert report["annotations"]["categories_by"] == "names"
    assert report["annotations"]["crowds"] == 1
    assert [one["name"] for one in report["classes"]] == list(CITYSCAPES)
    found, missed, false_alarms = (
        {one["name"]: one[key] for one in report["classes"]}
        for key in ("found", "missed", "false_alarms")
    )
    assert sum(found.values()) > 20
    # As the annotations were made: one object was called otherwise, one left out, a bus added.
    assert report["total"]["confused"] == 1
    assert missed == {name: int(name == "bus") for name in CITYSCAPES}
    assert sum(false_alarms.values()) > 0


def test_without_asking_again(folder, project):
    journal = (folder / "judged" / "answers.jsonl").read_bytes()
    project.type("cityscapes", "again")
    assert (folder / "judged" / "answers.jsonl").read_bytes() == journal
    settings = json.loads((folder / "judged" / "report.json").read_text())["settings"]
    assert (settings["iou"], settings["pair_by"]) == (0.75, "masks")


def test_annotations_are_what_detectron2_reads_of_the_same_files(folder, annotations, monkeypatch):
    labels = ModuleType("labels")  # of cityscapesscripts, as far as it is looked at
    labels.id2label = {
        id_: SimpleNamespace(id=id_, hasInstances=id_ in CITYSCAPES.values(), ignoreInEval=False)
        for id_ in range(34)
    }
    labels.name2label = {}
    for name in ("cityscapesscripts", "cityscapesscripts.helpers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "cityscapesscripts.helpers.labels", labels)
    importlib.invalidate_caches()
    compared = 0
    for image in annotations["images"]:
        stem = image["file_name"].removesuffix("leftImg8bit.png")
        truth = folder / "data" / "cityscapes" / "gtFine" / "val" / f"{stem}gtFine_instanceIds.png"
        theirs = _cityscapes_files_to_dict(
            ("", str(truth), "", ""), from_json=False, to_polygons=False
        )
        assert (image["height"], image["width"]) == (theirs["height"], theirs["width"])
        ours = [one for one in annotations["annotations"] if one["image_id"] == image["id"]]
        for one, other in zip(ours, theirs["annotations"], strict=True):
            assert one["category_id"] == other["category_id"]
            assert one["iscrowd"] == other["iscrowd"]
            assert one["segmentation"]["counts"] == other["segmentation"]["counts"].decode()
            compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(
            ["evaluate", "--images", "data/cityscapes/leftImg8bit"],
            "images of ... that cityscapes_val.json names are not in ...",
            id="folder",
        ),
        pytest.param(
            ["export", "--opts", "MODEL.ROI_HEADS.NUM_CLASSES", "19"],
            "gives 8 names, MODEL.ROI_HEADS.NUM_CLASSES is 19",
            id="classes of semantic segmentation",
        ),
    ],
)
def test_what_goes_wrong(words, shown, folder, project):
    if words[0] == "export":
        names = ",".join(CITYSCAPES)
        words = [*words, "--classes", names, "--model-name", "wrong", "--version", "1"]
        words += ["--config-file", "data/run/config.yaml", "--weights", "data/run/model_final.pth"]
    else:
        words = [*words, "--annotations", "cityscapes_val.json", "--output", "wrong"]
    project.goes_wrong("cityscapes", shown, words)
