"""deploy/slurm/predict.sbatch, run as the plain shell script that it is."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import psutil
import pytest

from examples.coins.photograph import load_photograph


@pytest.fixture(scope="module")
def script(pytestconfig) -> Path:
    return pytestconfig.rootpath / "deploy" / "slurm" / "predict.sbatch"


@pytest.fixture
def submit(script, pytestconfig, tmp_path):
    """Starts a job in a folder of its own; it is gone at the end."""
    running = []
    # Short, as on a node: sockets lie below.
    node = Path(os.environ.get("TMPDIR", "/tmp")) / f"node-{os.getpid()}"
    node.mkdir()

    def run(*words: object, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            ["bash", str(script), *map(str, words)],
            cwd=tmp_path,
            env={
                **os.environ,
                "SLURM_SUBMIT_DIR": str(pytestconfig.rootpath),
                "PYTHON": sys.executable,
                "TMPDIR": str(node),
                "TORCHSERVE_INFERENCE_KEY": "of-another-server",
                "SLURM_CPUS_PER_TASK": "1",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    run.node = node
    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    left = left_of(node)
    shutil.rmtree(node)
    assert left == []


def left_of(node: Path) -> list[str]:
    """Processes and files that a job has left on its node."""
    found = [str(one) for one in node.iterdir()]
    for process in psutil.process_iter():
        try:
            if f"TMPDIR={node}" in "\0".join(f"{k}={v}" for k, v in process.environ().items()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture
def photographs(tmp_path) -> Path:
    folder, whole = tmp_path / "photographs", load_photograph()
    folder.mkdir()
    for number in range(30):
        cv2.imwrite(str(folder / f"{number:02}.png"), whole[number : number + 160, :200])
    return folder


def answers(output: Path) -> int:
    journal = output / "answers.jsonl"
    return len(journal.read_text().splitlines()) - 1 if journal.is_file() else 0


def test_two_jobs_share_a_node_and_one_of_them_is_cancelled(submit, coins, photographs, tmp_path):
    whole = submit(coins, photographs / "0?.png", "whole", "--max-detections", "3")
    cancelled = submit(coins, "photographs", "cancelled", "--workers", "1")
    while answers(tmp_path / "cancelled") < 3:
        assert cancelled.poll() is None, cancelled.communicate()
        time.sleep(0.05)
    assert len(left_of(submit.node)) > 8  # two folders, and processes of both
    # As scancel does it: to every process of the job.
    os.killpg(cancelled.pid, signal.SIGTERM)
    out, err = cancelled.communicate(timeout=60)
    assert cancelled.returncode == 143, err
    kept = answers(tmp_path / "cancelled")
    assert 3 <= kept < 30
    assert f"Stopped. {kept} answers kept in cancelled/answers.jsonl" in err
    assert not (tmp_path / "cancelled" / "summary.json").exists()

    out, err = whole.communicate(timeout=240)
    assert whole.returncode == 0, err
    assert out.startswith(f"Starting a server of {coins}\nAsking about ")
    assert "coins 1.0 answered 10 of 10 images." in out
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert summary["failures"] == 0
    assert 10 < summary["detections"] <= 30
    assert len(list((tmp_path / "whole").glob("*.png"))) == 10
    assert left_of(submit.node) == []


def test_a_server_that_does_not_start(submit, photographs, tmp_path):
    archive = tmp_path / "broken.mar"
    archive.write_bytes(b"no archive")
    job = submit(archive, "photographs", "out")
    out, err = job.communicate(timeout=120)
    assert job.returncode == 1
    assert "broken.mar" in err
    assert "The server was not ready; the end of its log stands above." in err
    assert "Asking" not in out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "environment", "code", "sentence"),
    [
        pytest.param(
            ["a.mar", "in"], {}, 2, "usage: sbatch predict.sbatch ARCHIVE.mar", id="usage"
        ),
        pytest.param(["a.mar", "in", "out"], {}, 1, "There is no archive ", id="no archive"),
        pytest.param(
            ["a.mar", "in", "out", "--workers", "2", "--restart"],
            {},
            2,
            "--restart would delete the answers of the job before",
            id="restart",
        ),
        pytest.param(
            ["a.mar", "in", "out", "--rest"], {}, 2, "another folder than out", id="in short"
        ),
        pytest.param(
            ["/bin/sh", "in", "out"], {"PROJECT": "/"}, 1, "/ is not the project", id="project"
        ),
        pytest.param(
            ["/bin/sh", "in", "out"], {"PYTHON": "/gone"}, 1, "make setup", id="no python"
        ),
    ],
)
def test_what_is_wrong_is_said_at_once(submit, words, environment, code, sentence):
    job = submit(*words, **environment)
    _, err = job.communicate(timeout=20)
    assert job.returncode == code
    assert sentence in err


def test_slurm_reads_its_lines(script):
    """They end at the first line that is neither empty nor a comment."""
    text = script.read_text()
    head = re.split(r"^[^#\n]", text, maxsplit=1, flags=re.MULTILINE)[0]
    options = re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", head, re.MULTILINE)
    assert len(options) == text.count("#SBATCH")
    assert dict(options)["signal"] == "B:TERM@120"
    assert dict(options)["nodes"] == dict(options)["ntasks"] == "1"


def test_its_readme_names_what_can_be_set(script):
    settings = set(re.findall(r"\$\{([A-Z_]+):-", script.read_text()))
    readme = (script.parent / "README.md").read_text(encoding="utf-8")
    own = {name for name in settings if not name.startswith(("SLURM_", "OMP_"))}
    assert own == {"PROJECT", "PYTHON", "TMPDIR", "START_TIMEOUT_S"}
    assert [name for name in sorted(settings) if f"`{name}`" not in readme] == []
