"""Each kind of model behind a real TorchServe, its answer the bytes that the handler gives."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from handler.detector import Detector
from handler.request import Row
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from tests.architectures import ARCHITECTURES, export_architecture, fields_for
from tests.images import noise_bgr

# A worker each; the others are held against their networks without a server.
SERVED = {
    "Fast R-CNN": "fast_rcnn",
    "Deformable R-CNN": "deformable",
    "Rotated R-CNN": "rotated",
    "Keypoint R-CNN": "keypoints",
    "PanopticFPN": "panoptic",
    "SemanticSegmentor": "semantic",
    "FCOS": "fcos",
}

IMAGE_BGR = noise_bgr(96, 128)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    for architecture, name in SERVED.items():
        export_architecture(architecture, folder, model_name=name)
    return folder


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config, store: Path) -> Iterator[TorchServe]:
    config_file = store / "config.properties"
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    write_properties(config_file, with_free_ports(shipped))
    models = [f"{name}={name}.mar" for name in SERVED.values()]
    with (
        (store / "output.log").open("wb") as output,
        TorchServe(
            config=config_file,
            model_store=store,
            models=models,
            work_dir=store / "run",
            output=output,
        ) as server,
    ):
        for name in SERVED.values():
            server.wait_until_ready(name, timeout_s=240)
        yield server


@pytest.mark.parametrize("architecture", SERVED)
def test_answers_as_the_handler_does_without_a_server(architecture, served, store, tmp_path):
    name = SERVED[architecture]
    with zipfile.ZipFile(store / f"{name}.mar") as archive:
        archive.extractall(tmp_path)
    detector = Detector.load(tmp_path, device="cpu", name=name, version="1.0")
    takes_proposals = "proposals" in detector.describe()["options"]
    fields = fields_for(IMAGE_BGR, takes_proposals=takes_proposals)
    (expected,) = detector.answer([Row(fields)])

    answer = requests.post(
        f"{served.inference.url}/predictions/{name}",
        headers={"Authorization": f"Bearer {served.inference.token}"},
        files=fields,
        timeout=60,
    )

    assert answer.status_code == expected.status == 200, answer.text
    assert answer.content == expected.body
    assert set(detector.describe()["outputs"]) == ARCHITECTURES[architecture].outputs
    assert '"score"' in answer.text or "segments" in answer.text
