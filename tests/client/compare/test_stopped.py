"""A comparison that is stopped half-way, as a real process against a real server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from client.compare.opening import JOURNALS
from examples.coins.dataset import write_scenes
from tests.client.proxy import digest

SCENES = 10
VERSIONS = ("1.0", "2.0")


@pytest.fixture
def start(pytestconfig, served, proxy, tmp_path):
    """Starts `compare` as a process of its own; it is gone at the end."""
    write_scenes(tmp_path / "scenes", SCENES, seed=11, size_hw=(128, 160))
    running = []

    def begin(output: str, *words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "client", "compare", "--model", "coins"),
                *(word for version in VERSIONS for word in ("--version", version)),
                *("--images", "scenes", "--annotations", "scenes/scenes.json"),
                *("--output", output, "--resamples", "100", "--inference", proxy.url),
                *("--management", served.management.url, "--key-folder", str(served.work_dir)),
                *words,
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def answered(folder: Path) -> list[Counter[str]]:
    """How often each version has answered about each image, by the lines of its journal."""
    journals = [(folder / name).read_text().splitlines()[1:] for name in JOURNALS]
    return [Counter(json.loads(line)["image"] for line in lines) for lines in journals]


def said(folder: Path) -> dict:
    """What a report says that depends neither on the moment nor on the machine."""
    report = json.loads((folder / "report.json").read_text())
    names = ("ap", "class_ap", "total", "classes", "changes", "curves", "failures", "warnings")
    found = {name: report[name] for name in names}
    found["warnings"] = [one for one in found["warnings"] if "of an earlier run" not in one]
    return found


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_loses_nothing_and_the_same_command_goes_on(start, proxy, tmp_path, number, code):
    process = start("compared")
    while len(proxy.asked) < 2 + 7:  # a small image of each version first
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    out, problem = process.communicate(timeout=60)
    assert process.returncode == code, problem
    assert out == ""
    assert "Stopping when what is under way is answered; a second signal" in problem
    assert problem.endswith("Stopped. The same command goes on from here.\n")
    assert "Traceback" not in problem
    folder = tmp_path / "compared"
    assert {one.name for one in folder.iterdir()} == set(JOURNALS)
    kept = answered(folder)
    assert sum(map(Counter.total, kept)) == len(proxy.asked) - 2
    both = kept[0].keys() & kept[1].keys()
    assert 3 <= len(both) < SCENES

    process = start("compared")
    out, problem = process.communicate(timeout=120)
    assert process.returncode == 0, problem
    assert out.startswith(f"coins 2.0 beside 1.0, on {SCENES} images of scenes.json")
    # What both had answered was not asked again; where one had, both were.
    assert {name for counts in answered(folder) for name in counts if counts[name] > 1} == (
        kept[0].keys() | kept[1].keys()
    ) - both
    images = {digest(file.read_bytes()) for file in (tmp_path / "scenes" / "images").iterdir()}
    asked = Counter((one.digest, one.path) for one in proxy.asked if one.digest in images)
    assert len(asked) == 2 * SCENES
    assert asked.total() <= 2 * SCENES + 1

    assert start("at once").wait(timeout=120) == 0
    assert said(folder) == said(tmp_path / "at once")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_ends_what_is_computed_after_the_last_answer(start, tmp_path, number, code):
    assert start("compared").wait(timeout=120) == 0
    folder = tmp_path / "compared"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    # Hours of it.
    process = start("compared", "--resamples", "100000000")
    said = ""
    while "resampling AP" not in said:
        said = process.stderr.readline()
        assert said, "it has ended"
    process.send_signal(number)
    out, problem = process.communicate(timeout=60)
    assert process.returncode == code, problem
    assert out == ""
    assert problem.endswith("Stopped. The same command goes on from here.\n")
    assert "Traceback" not in problem
    # Neither half of a report nor a new one, and all answers.
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
