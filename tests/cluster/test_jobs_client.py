"""A job's COCO results are those of `python -m client predict` on a real TorchServe."""

import json
from pathlib import Path

import pytest

from client.predict.cli import main
from examples.coins.photograph import load_photograph
from server.torchserve import TorchServe
from tests.deploy.ray.jobs.processes import Jobs
from tests.images import noise_bgr, png


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Parts of the demo's photograph, in two folders, and two files that cannot be read."""
    folder, whole = tmp_path / "photographs", load_photograph()
    (folder / "sub").mkdir(parents=True)
    for number in range(4):
        crop = whole[30 * number : 30 * number + 160, 40 * number : 40 * number + 200]
        (folder / f"{number}.png").write_bytes(png(crop))
    (folder / "sub" / "0.png").write_bytes(png(whole))
    (folder / "sub" / "noise.png").write_bytes(png(noise_bgr(120, 90)))
    (folder / "sub" / "bad.jpg").write_bytes(b"no image")
    (folder / "sub" / "empty.jpg").write_bytes(b"")
    return folder


@pytest.mark.parametrize("model", ["coins", "tiny"])
@pytest.mark.parametrize("options", [(), ("--score-threshold", "0.5", "--max-detections", "4")])
def test_of_a_folder(
    served: TorchServe,
    coins: Path,
    store: Path,
    photographs: Path,
    model: str,
    options: tuple[str, ...],
    tmp_path: Path,
) -> None:
    site = ("--inference", served.inference.url, "--management", served.management.url)
    words = [str(photographs), "--output", str(tmp_path / "client"), "--no-pictures", *options]
    key = ("--key-folder", str(served.work_dir))
    version = ("--version", "1.0")
    assert main([*words, "--model", model, *version, *site, *key]) == 1  # two have no answer
    with Jobs(tmp_path, {"coins": coins, "tiny": store / "tiny.mar"}[model]) as jobs:
        said = jobs.run("photographs", "--output", "job", *options, "--images-per-part", 3)
    assert said.code == 1, said.err
    for name in ("coco_results.json", "images.json"):
        assert (tmp_path / "job" / name).read_bytes() == (tmp_path / "client" / name).read_bytes()
    assert len(json.loads((tmp_path / "job" / "coco_results.json").read_text())) > 10


def test_of_a_coco_file(served: TorchServe, store: Path, photographs: Path, tmp_path: Path) -> None:
    names = ["3.png", "sub/0.png", "1.png"]
    categories = [{"id": 31, "name": "blue"}, {"id": 32, "name": "red"}]
    entries = [{"id": 900 - n, "file_name": name} for n, name in enumerate(names)]
    annotations = tmp_path / "coco.json"
    annotations.write_text(json.dumps({"images": entries, "categories": categories}))
    site = ("--inference", served.inference.url, "--management", served.management.url)
    key = ("--key-folder", str(served.work_dir))
    files = [str(photographs / name) for name in names]
    words = [*files, "--output", str(tmp_path / "client"), "--annotations", str(annotations)]
    assert main([*words, "--no-pictures", "--model", "tiny", *site, *key]) == 0
    with Jobs(tmp_path, store / "tiny.mar") as jobs:
        said = jobs.run("coco.json", "--images", "photographs", "--output", "job")
    assert said.code == 0, said.err
    own, other = (tmp_path / name / "coco_results.json" for name in ("job", "client"))
    assert own.read_bytes() == other.read_bytes()
    assert {one["category_id"] for one in json.loads(own.read_text())} <= {31, 32}
