"""Jobs that lose their driver, workers, a node, or workers to an image: same results, each once."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

import pytest
from pyarrow import parquet

from tests.cluster.conftest import Record
from tests.deploy.ray.jobs.processes import Jobs
from tests.deploy.ray.running import RayCluster
from tests.images import noise_bgr, png
from torture.variants import make_variant

IMAGES, BAD, SIZE = 400, 10, 10
PARTS = -(-(IMAGES + BAD) // SIZE)
WORDS = ("images", "--output", "out", "--images-per-part", SIZE, "--json")


class Outcome(NamedTuple):
    """What a job leaves behind."""

    results: list[dict[str, Any]]
    unread: list[dict[str, Any]]
    coco: bytes


def outcome(out: Path) -> Outcome:
    # Rows as they stand in the files: what is there twice is twice in here.
    tables = [parquet.read_table(out / name).to_pylist() for name in ("results", "unreadable")]
    results, unread = (sorted(rows, key=lambda row: row["index"]) for rows in tables)
    return Outcome(results, unread, (out / "coco_results.json").read_bytes())


def parts(out: Path) -> dict[str, int]:
    """Finished parts, and when each was finished."""
    return {one.name: one.stat().st_mtime_ns for one in out.glob("results/part-*")}


def wait_for_parts(out: Path, count: int, process: "Popen[str]") -> None:
    while len(parts(out)) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("input") / "images"
    folder.mkdir()
    for number in range(IMAGES):
        (folder / f"{number:03}.png").write_bytes(png(noise_bgr(48, 64, number)))
    for number in range(BAD):
        (folder / f"{number:03}.bad.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture
def folder(tmp_path: Path, images: Path) -> Path:
    (tmp_path / "images").symlink_to(images)
    return tmp_path


@pytest.fixture
def jobs(folder: Path, store: Path) -> Iterator[Jobs]:
    with Jobs(folder, store / "tiny.mar") as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(images: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with Jobs(images.parent, store / "tiny.mar") as jobs:
        said = jobs.run(*WORDS, "--workers", 2)
    assert said.code == 1, said.err
    found = outcome(images.parent / "out")
    assert len(found.results) == IMAGES
    assert len(found.unread) == BAD
    return found


def same(one: Outcome, other: Outcome) -> bool:
    """But for the folder, in which each finds the same images."""

    def named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "path": None} for row in rows]

    return (
        named(one.results) == named(other.results)
        and named(one.unread) == named(other.unread)
        and one.coco == other.coco
    )


def test_killed_three_times_with_all_its_processes(
    jobs: Jobs, folder: Path, undisturbed: Outcome, record: Record
) -> None:
    out, kept, kills = folder / "out", {}, []
    for _ in range(3):
        process = jobs.start(*WORDS, "--workers", 2)
        wait_for_parts(out, len(kept) + 5, process)
        jobs.kill_everything()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not jobs.processes()
        now = parts(out)
        assert kept.items() <= now.items()  # nothing that is done is done again
        assert len(kept) + 5 <= len(now) < PARTS
        assert not (out / "coco_results.json").exists()
        kept = now
        kills.append(len(kept))
    said = jobs.run(*WORDS, "--workers", 2)
    assert said.code == 1, said.err
    assert kept.items() <= parts(out).items()
    assert json.loads(said.out)["asked"] == IMAGES + BAD - SIZE * len(kept)
    assert same(outcome(out), undisturbed)
    assert not list(out.rglob(".*.part"))
    found = outcome(out)
    indices = [row["index"] for row in (*found.results, *found.unread)]
    record(
        "jobs-killed",
        {
            "images": IMAGES + BAD,
            "parts": PARTS,
            "parts_done_at_each_kill": kills,
            "images_asked_after_the_last": IMAGES + BAD - SIZE * len(kept),
            "rows_twice": len(indices) - len(set(indices)),
            "rows_missing": IMAGES + BAD - len(set(indices)),
        },
    )


def test_a_worker_that_is_killed(jobs: Jobs, folder: Path, undisturbed: Outcome) -> None:
    process = jobs.start(*WORDS, "--workers", 2)
    for count in (3, 8):
        wait_for_parts(folder / "out", count, process)
        os.kill(jobs.workers()[0].pid, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 1, stderr
    assert json.loads(stdout)["asked"] == IMAGES + BAD
    assert same(outcome(folder / "out"), undisturbed)
    assert not list((folder / "out" / ".attempts").iterdir())


def test_a_node_that_is_lost(
    folder: Path, store: Path, undisturbed: Outcome, tmp_path: Path
) -> None:
    with (
        RayCluster(nodes=2, cpus=1, log=tmp_path / "ray.log") as cluster,
        Jobs(folder, store / "tiny.mar", cluster) as jobs,
    ):
        process = jobs.start(*WORDS, "--workers", 2)
        wait_for_parts(folder / "out", 12, process)
        cluster.kill_node()
        stdout, stderr = process.communicate(timeout=400)
    assert process.returncode == 1, stderr
    assert json.loads(stdout)["asked"] >= IMAGES + BAD
    assert same(outcome(folder / "out"), undisturbed)


DEADLY = b"an end that no decoder looks at"
FATAL = f"""

def _fatal(image_bytes, *, max_pixels, _decode=decode_image):
    if image_bytes.endswith({DEADLY!r}):
        import os
        os.kill(os.getpid(), 9)
    return _decode(image_bytes, max_pixels=max_pixels)

decode_image = _fatal
"""


def appended(text: str) -> Callable[[bytes], bytes]:
    return lambda content: content + text.encode()


def test_images_that_end_the_worker_are_left_out(tmp_path: Path, store: Path) -> None:
    archive = make_variant(
        store / "tiny.mar", tmp_path / "tiny.mar", "1.0", {"handler/image.py": appended(FATAL)}
    )
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(24):
        content = png(noise_bgr(48, 64, number))
        (folder / f"{number:02}.png").write_bytes(content + DEADLY * (number in (3, 5, 20)))
    with Jobs(tmp_path, archive) as jobs:
        said = jobs.run("images", "--output", "out", "--images-per-part", 8, "--workers", 1)
    assert said.code == 1, said.err
    assert "tiny 1.0 answered 21 of 24 images." in said.out
    found = outcome(tmp_path / "out")
    assert [row["file_name"] for row in found.unread] == ["03.png", "05.png", "20.png"]
    assert {row["type"] for row in found.unread} == {"WorkerDied"}
    assert {row["may_pass"] for row in found.unread} == {True}
    assert len(found.results) == 21
