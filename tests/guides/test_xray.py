"""docs/guides/xray.md: 13 classes on grey images of 16 bits."""

import json

import cv2
import numpy as np
import pytest
from detectron2.data.detection_utils import read_image

from handler.image import decode_image
from tests.guides.material import SURE_OF_IMPLANTS, XRAY


@pytest.fixture(scope="module")
def folder(project):
    project.type("xray", "evaluate", "white")
    return project.folder


def report(folder, name):
    return json.loads((folder / name / "report.json").read_text())


def test_converted_as_in_training_it_finds_everything(folder):
    judged = report(folder, "judged-xray")
    assert [one["name"] for one in judged["classes"]] == list(XRAY)
    assert judged["annotations"]["categories_by"] == "dataset-ids"
    assert judged["ap"]["segm"]["AP"] == pytest.approx(100)
    assert judged["total"]["missed"] == 0


def test_as_it_is_it_finds_nothing(folder):
    judged = report(folder, "judged-white")
    assert judged["ap"]["segm"]["AP"] < 1
    assert judged["total"]["found"] < 0.1 * judged["total"]["objects"]


def test_a_threshold_of_its_own(folder, project):
    printed = project.type("xray", "thresholds")
    best = {
        one["name"]: one["best_threshold"]["score"]
        for one in report(folder, "judged-xray")["classes"]
        if one["best_threshold"]
    }
    assert best["implant"] >= SURE_OF_IMPLANTS > min(best.values())
    head, *lines = printed.out.splitlines()
    sure, of, asked, *_ = head.split()
    assert (int(sure), of) == (len(lines), "of")
    assert len(lines) < int(asked)
    for line in lines:
        name, _, rest = line.rpartition(", ")[0].rpartition(" ")
        assert float(rest) >= round(best[name], 2), line


GREY = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
UPPER = (GREY >> 8).astype(np.uint8)


@pytest.mark.parametrize(
    ("row", "name", "image", "expected"),
    [
        pytest.param("grey, 8 bits (`L`)", "a.png", UPPER, UPPER, id="grey, 8 bits"),
        pytest.param("grey, 16 bits", "a.png", GREY, GREY.clip(max=255), id="grey, 16 bits"),
        pytest.param("grey, 16 bits", "a.tif", GREY, GREY.clip(max=255), id="grey, 16 bits, TIFF"),
        pytest.param("colour, 16 bits", "a.png", np.dstack([GREY] * 3), UPPER, id="colour"),
    ],
)
def test_what_the_network_gets(row, name, image, expected, tmp_path, guides):
    assert f"\n| {row}" in guides["xray"].text
    file = tmp_path / name
    assert cv2.imwrite(str(file), image)
    seen = decode_image(file.read_bytes(), max_pixels=10_000)
    assert np.array_equal(seen, np.dstack([expected] * 3))
    assert np.array_equal(seen, read_image(str(file), format="BGR"))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(["--classes", ",".join(XRAY[1:])], "gives 12 names, ... is 13", id="12"),
        pytest.param(
            ["--opts", "INPUT.FORMAT", "L"],
            "INPUT.FORMAT is 'L'; BGR and RGB can be served.",
            id="one channel",
        ),
    ],
)
def test_what_goes_wrong(words, shown, project):
    run = "data/xray/run"
    words = [*words, "--model-name", "wrong", "--version", "1"]
    words += ["--config-file", f"{run}/config.yaml", "--weights", f"{run}/model_final.pth"]
    project.goes_wrong("xray", shown, ["export", *words])
