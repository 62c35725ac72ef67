"""Whole jobs on a real cluster of one node."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from client.predictions import Predictions
from deploy.ray.jobs.rows import predictions_of
from handler.detector import Detector
from handler.request import Row
from tests.deploy.ray.jobs.processes import Jobs
from tests.deploy.ray.running import RayCluster
from tests.images import noise_bgr, png


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    log = tmp_path_factory.mktemp("ray") / "ray.log"
    with RayCluster(nodes=1, cpus=2, log=log) as running:
        yield running


@pytest.fixture
def jobs(cluster: RayCluster, store: Path, tmp_path: Path) -> Iterator[Jobs]:
    with Jobs(tmp_path, store / "tiny.mar", cluster) as running:
        yield running


def rows(out: Path, folder: str = "results") -> list[dict]:
    found = parquet.read_table(out / folder).to_pylist()
    return sorted(found, key=lambda row: row["index"])


def written(out: Path) -> dict[str, tuple[int, bytes]]:
    """Every result by its name, and when it was written."""
    files = [*out.glob("results/*"), *out.glob("unreadable/*")]
    return {str(one): (one.stat().st_mtime_ns, one.read_bytes()) for one in files}


def test_a_folder_from_its_beginning_to_its_end(
    jobs: Jobs, images: Path, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("images", "--output", "out", "--images-per-part", 2, "--pictures")
    said = jobs.run(*words, "--workers", "1:2")
    assert said.code == 1, said.err
    assert "tiny 1.0 answered 5 of 6 images." in said.out
    assert "1 image without an answer: UndecodableImage." in said.out
    assert "tiny 1.0: 0 of 6 images are done; 3 parts for 1 to 2 workers with 1 CPU" in said.err
    assert f"Images without an answer are in {out}/unreadable.\n" in said.err

    found = rows(out)
    assert [row["file_name"] for row in found] == [*(f"{n}.png" for n in range(4)), "sub/4.png"]
    coco = []
    for row in found:
        content = Path(row["path"]).read_bytes()
        (answer,) = detector.answer([Row({"data": content})])
        expected = Predictions.from_native(json.loads(answer.body))
        assert len(expected) > 0
        own = predictions_of(row, model="tiny", version="1.0")
        assert own.to_coco(row["image_id"]) == expected.to_coco(row["image_id"])
        coco += expected.to_coco(row["image_id"])
        (picture,) = detector.answer([Row({"data": content, "format": "overlay"})])
        assert (out / row["picture"]).read_bytes() == picture.body
    assert json.loads((out / "coco_results.json").read_text()) == coco
    (unread,) = pd.read_parquet(out / "unreadable").to_dict("records")
    assert (unread["file_name"], unread["type"]) == ("bad.jpg", "UndecodableImage")
    # Nothing but what the help names, and its own list and lock.
    assert sorted(one.name for one in out.iterdir()) == [
        *(".attempts", ".lock", "coco_results.json", "images.json", "inputs", "pictures"),
        *("results", "run.json", "summary.json", "unreadable"),
    ]

    # A second time nothing is asked, and no Ray is needed.
    before = written(out)
    said = jobs.run(*words, "--json", "--address", "127.0.0.1:9")
    assert said.code == 1, said.err
    summary = json.loads(said.out)
    assert (summary["asked"], summary["answered"], summary["failures"]) == (0, 5, 1)
    assert written(out) == before

    # What had no answer is mended and asked about again; the other parts are not touched.
    (images / "bad.jpg").write_bytes((images / "0.png").read_bytes())
    said = jobs.run(*words, "--json", "--retry-failed", "--workers", 1)
    assert said.code == 0, said.err
    summary = json.loads(said.out)
    assert (summary["asked"], summary["answered"], summary["failures"]) == (1, 6, 0)
    assert [row["file_name"] for row in rows(out)][4] == "bad.jpg"
    assert rows(out, "unreadable") == []
    changed = {name for name in before if written(out).get(name) != before[name]}
    assert {Path(name).name.rpartition("-")[0] for name in changed} == {"part-000002"}

    # Another question is another job.
    said = jobs.run("images", "--output", "out", "--score-threshold", 0.5)
    assert said.code == 1
    assert f"{out} has results of another job (the options: none there, " in said.err
    assert "Traceback" not in said.err


def test_a_coco_file_with_options(jobs: Jobs, images: Path, tmp_path: Path) -> None:
    entries = [{"id": 70 + n, "file_name": f"{n}.png"} for n in (3, 1, 2)]
    categories = [{"id": 4, "name": "green"}, {"id": 6, "name": "red"}, {"id": 9, "name": "blue"}]
    (tmp_path / "coco.json").write_text(json.dumps({"images": entries, "categories": categories}))
    entries[0]["file_name"] = "gone.png"
    (tmp_path / "coco.json").write_text(json.dumps({"images": entries, "categories": categories}))
    said = jobs.run("coco.json", "--images", "images", "--output", "lost", "--workers", 1)
    assert f"Relative paths were looked for in {images}; --images, with another" in said.out
    assert "--retry-failed asks again, 1 of them may pass." in said.err
    entries[0]["file_name"] = "3.png"
    (tmp_path / "coco.json").write_text(json.dumps({"images": entries, "categories": categories}))
    words = ("coco.json", "--images", "images", "--output", "out", "--workers", 1)
    said = jobs.run(*words, "--classes", "green,blue", "--max-detections", 3, "--batch", 4)
    assert said.code == 0, said.err
    assert [row["image_id"] for row in rows(tmp_path / "out")] == [73, 71, 72]
    results = json.loads((tmp_path / "out" / "coco_results.json").read_text())
    assert {one["category_id"] for one in results} <= {4, 9}
    assert {one["image_id"] for one in results} <= {71, 72, 73}
    assert len(results) > 0
    listed = json.loads((tmp_path / "out" / "images.json").read_text())
    assert [one["id"] for one in listed["images"]] == [73, 71, 72]
    assert listed["categories"] == categories


def test_what_would_be_refused_for_every_image_ends_it(
    jobs: Jobs, images: Path, tmp_path: Path
) -> None:
    parquet.write_table(
        pa.table({"url": [f"{n}.png" for n in range(4)], "key": list("abcd")}),
        tmp_path / "table.parquet",
    )
    words = ("table.parquet", "--column", "url", "--id-column", "key", "--images", "images")
    said = jobs.run(*words, "--output", "out", "--workers", 1, "--classes", "red,purple")
    assert said.code == 1
    assert "InvalidOption: classes is ['red', 'purple'], 'purple' is not a class" in said.err
    assert "0 images of 4 are done and kept; the same command goes on from there." in said.err
    assert "Traceback" not in said.err
    assert not list(tmp_path.glob("out/results/*"))


def test_a_shell_without_the_token(jobs: Jobs, images: Path, monkeypatch) -> None:
    monkeypatch.setattr(jobs._cluster, "ray_token", "0" * 64)
    said = jobs.run("images", "--output", "out")
    assert said.code == 1
    assert "wants its token, and this shell has another one or none. `ray get-auth" in said.err
    assert "Traceback" not in said.err


def test_a_ray_of_its_own_leaves_nothing_and_meets_no_other(
    cluster: RayCluster, images: Path, store: Path, tmp_path: Path, monkeypatch
) -> None:
    """Where another one runs on this machine, and no token is in the home folder."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with Jobs(tmp_path, store / "tiny.mar") as jobs:
        process = jobs.start("images", "--output", "out", "--images-per-part", 1, "--workers", 1)
        while not list(tmp_path.glob("out/results/part-*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "multiple active Ray instances" not in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "home" / ".ray").exists()


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"]
)
def test_a_stop_keeps_what_is_done(
    jobs: Jobs, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:03}.png").write_bytes(png(noise_bgr(32, 32, number)))
    out, words = tmp_path / "out", ("many", "--output", "out", "--images-per-part", 5)
    process = jobs.start(*words, "--workers", 1)
    while len(list(out.glob("results/part-*"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(sent)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, ""), stderr
    assert "Stopping; the parts under way are given up." in stderr
    assert "Traceback" not in stderr
    kept = written(out)
    assert 3 <= len(kept) < 40
    assert re.search(r"Stopped\. \d+ images of 200 are done and kept; the same command", stderr)
    assert not (out / "coco_results.json").exists()

    said = jobs.run(*words, "--json", "--workers", 1)
    assert said.code == 0, said.err
    # A worker of a cluster may have ended one more part while its driver was gone already.
    assert 0 < json.loads(said.out)["asked"] <= 200 - 5 * len(kept)
    assert {name: written(out)[name] for name in kept} == kept
    assert [row["image_id"] for row in rows(out)] == list(range(1, 201))
