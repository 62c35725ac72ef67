"""docs/guides/hpc.md: zoo weights on a node of a cluster."""

import json
import re
from pathlib import Path

import detectron2
import pytest

from tests.guides.material import ZOO_CONFIG, ZOO_WEIGHTS


def test_config_and_weights_are_called_as_in_the_zoo(guides):
    # Read, because importing it needs pkg_resources.
    source = Path(detectron2.__file__).with_name("model_zoo") / "model_zoo.py"
    known = re.findall(r'"([\w/-]+)": "(\d+/\w+\.pkl)"', source.read_text())
    config, weights = ZOO_CONFIG.removesuffix(".yaml"), ZOO_WEIGHTS
    assert (config, weights.removeprefix(f"{config}/")) in known
    command = guides["hpc"].tested["export"]
    assert f" {ZOO_CONFIG} " in command
    assert f" detectron2://{ZOO_WEIGHTS}\n" in command


def test_a_job_goes_on_where_another_was_stopped(project):
    photographs = [f"data/photographs/{number:04}.jpg" for number in (1, 2, 3)]
    words = ["predict", *photographs, "--output", "data/found", "--model", "mask_rcnn"]
    assert project.client(*words, "--score-threshold", "0.7").code == 0
    before = (project.folder / "data" / "found" / "answers.jsonl").read_bytes()
    project.type("hpc", "job")
    found = project.folder / "data" / "found"
    assert (found / "answers.jsonl").read_bytes().startswith(before)
    assert len(list(found.glob("*.jpg"))) == 8
    results = json.loads((found / "coco_results.json").read_text())
    assert min(one["score"] for one in results) >= 0.7
    assert {one["image_id"] for one in results} == set(range(1, 9))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(
            ["--config-file", ZOO_CONFIG, "--weights", "detectron2://gone.pkl"],
            "--weights ... could not be downloaded",
            id="no internet",
        ),
        pytest.param(
            ["--config-file", ZOO_CONFIG.replace("3x", "2x"), "--weights", "parts.txt"],
            "--config-file ... is neither a file nor a model-zoo name. Did you mean ...",
            id="no such config",
        ),
    ],
)
def test_what_goes_wrong(words, shown, project, tmp_path, monkeypatch):
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    words = ["export", *words, "--model-name", "wrong", "--version", "1"]
    project.goes_wrong("hpc", shown, words)


def test_a_folder_belongs_to_one_set_of_options(project):
    words = ["predict", "data/photographs", "--output", "data/found", "--model", "mask_rcnn"]
    project.goes_wrong("hpc", "holds answers of another run (...)", words)
