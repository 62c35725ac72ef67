"""Files whose names are no UTF-8, as old archives and other systems leave them: every command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.client.conftest import NATIVE
from tests.client.proxy import Asked, Proxy, Reply
from tests.images import noise_bgr, png

IMAGE = os.fsdecode(b"Stra\xdfe.jpg")
BAD = os.fsdecode(b"bad \xdf.jpg")
VIDEO = os.fsdecode(b"clip \xdf.avi")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / os.fsdecode(b"images \xdf")
    folder.mkdir()
    (folder / IMAGE).write_bytes(png(noise_bgr(1, 1)))
    (folder / BAD).write_bytes(b"no image")
    return folder


@pytest.fixture
def client(pytestconfig: pytest.Config, stand_in: Proxy, tmp_path: Path) -> Command:
    """Types a command; a server answers that finds nothing, and refuses the bad image."""
    refusal = {"code": 400, "type": "UndecodableImage", "message": "No image."}

    def answer(asked: Asked) -> Reply:
        if asked.body == b"no image":
            return Reply(400, json.dumps(refusal).encode())
        image_bgr = cv2.imdecode(np.frombuffer(asked.body, np.uint8), cv2.IMREAD_COLOR)
        size = {"width": image_bgr.shape[1], "height": image_bgr.shape[0]}
        return Reply(200, json.dumps({**NATIVE, "image": size}).encode())

    stand_in.instead = answer

    def run(name: str, *words: object) -> "subprocess.CompletedProcess[str]":
        site = ["--inference", stand_in.url, "--management", stand_in.url, "--model", "m"]
        return subprocess.run(
            [sys.executable, "-m", "client", name, *map(str, words), *site, "--output", "out"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


def load(file: Path):
    return json.loads(file.read_text(encoding="utf-8"))


def test_predict(client, images, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (32, 32))
    for seed in range(3):
        writer.write(noise_bgr(32, 32, seed))
    writer.release()
    (tmp_path / "a.avi").rename(images / VIDEO)
    out = tmp_path / "out"
    done = client("predict", images)
    assert done.returncode == 1, done.stderr
    assert done.stderr == "bad \\udcdf.jpg: 400 UndecodableImage: No image.\n"
    assert [one["image"] for one in load(out / "failures.json")] == [BAD]
    assert [one["file_name"] for one in load(out / "images.json")["images"]] == [IMAGE]
    assert (out / IMAGE).is_file()
    frames = (out / VIDEO).with_suffix(".frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in frames] == [0, 1, 2]
    assert (out / VIDEO).with_suffix(".mp4").is_file()
    again = client("predict", images, "--json")
    assert again.returncode == 1, again.stderr
    assert json.loads(again.stdout)["earlier"] == 5


def test_evaluate(client, images, tmp_path):
    listed = [
        {"id": number, "file_name": name, "width": 1, "height": 1}
        for number, name in enumerate((IMAGE, BAD), start=1)
    ]
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "iscrowd": 0}
    document = {
        "images": listed,
        "annotations": [{**annotation, "area": 1}],
        "categories": [{"id": 1, "name": "coin"}],
    }
    (tmp_path / "val.json").write_text(json.dumps(document))
    done = client("evaluate", "--images", images, "--annotations", "val.json")
    assert done.returncode == 1, done.stderr
    assert "  bad \\udcdf.jpg: 400 UndecodableImage: No image.\n" in done.stderr
    report = load(tmp_path / "out" / "report.json")
    assert [one["image"] for one in report["failures"]] == [BAD]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Stra\\udcdfe.jpg" in page
    assert "data:image/jpeg" in page


def test_compare(client, images, tmp_path):
    done = client("compare", "--images", images, "--version", "1.0", "--version", "1.0")
    assert done.returncode == 1, done.stderr
    assert "  bad \\udcdf.jpg (old version): 400 UndecodableImage: No image.\n" in done.stderr
    report = load(tmp_path / "out" / "report.json")
    assert [one["name"] for one in report["images"]] == [IMAGE]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "bad \\udcdf.jpg" in page
