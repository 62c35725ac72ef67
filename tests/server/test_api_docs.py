"""The examples of docs/api.md, run as they stand there."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from client.predictions import Predictions
from examples.coins.photograph import photograph_path
from server.properties import addresses
from server.torchserve import TorchServe

SHIPPED = {
    "127.0.0.1:8080": "inference_address",
    "127.0.0.1:8081": "management_address",
    "127.0.0.1:7070": "grpc_inference_port",
}

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def examples(pytestconfig: pytest.Config) -> dict[str, str]:
    """The marked examples by name."""
    text = (pytestconfig.rootpath / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- tested: (\S+) -->\n((?:    .*\n|\n)+)", text)
    assert len(blocks) == text.count("<!-- tested: ")
    assert len(dict(blocks)) == len(blocks)
    return {name: textwrap.dedent(block) for name, block in blocks}


@pytest.fixture(scope="module")
def adapt(examples: dict[str, str], served: TorchServe, pytestconfig: pytest.Config) -> Run:
    """Gives an example by name, asking the server of the tests."""
    (served.work_dir / "photograph.png").write_bytes(photograph_path().read_bytes())
    listening = addresses(served.properties)

    def give(name: str) -> str:
        script = examples[name]
        for shipped, listener in SHIPPED.items():
            host, port = listening[listener]
            script = script.replace(shipped, f"{host}:{port}")
        # It stands in the project's folder; the server of this test runs elsewhere.
        return script.replace(".venv/lib", f"{pytestconfig.rootpath}/.venv/lib")

    return give


@pytest.fixture(scope="module")
def shell(adapt: Run, served: TorchServe) -> Run:
    """Types an example, after the one that fetches photograph and key; its output."""

    def run(name: str) -> str:
        script = adapt("key") + adapt(name)
        command = ["sh", "-e", "-c", script]
        return subprocess.run(
            command, cwd=served.work_dir, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.fixture(scope="module")
def python(adapt: Run, served: TorchServe) -> Run:
    """Runs an example as a program of its own; its output."""
    # Nothing of this project is on its path.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(name: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", adapt(name)]
        return subprocess.run(
            command,
            cwd=served.work_dir,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return run


def test_every_example_is_run_here(examples):
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in examples if f'("{name}")' not in source] == []


def test_the_image_as_the_body(shell):
    assert len(Predictions.from_native(json.loads(shell("curl")))) == 24


def test_options_in_headers(shell):
    (result,) = json.loads(shell("curl-options"))
    assert list(result) == ["image_id", "category_id", "bbox", "score", "segmentation"]


def test_the_picture(shell, served):
    shell("curl-picture")
    assert (served.work_dir / "found.jpg").read_bytes().startswith(b"\xff\xd8\xff\xe0")


def test_a_big_image_by_its_tiles(shell):
    assert len(Predictions.from_native(json.loads(shell("curl-tiles")))) == 24


def test_a_form(shell):
    (found,) = json.loads(shell("curl-form"))
    assert list(found) == ["coin", "score"]


def test_json(shell):
    assert len(Predictions.from_native(json.loads(shell("curl-json")))) == 1


def test_kserve_v1(shell):
    answered, failed = json.loads(shell("kserve-v1"))["predictions"]
    assert len(Predictions.from_native(answered)) == 1
    assert (failed["code"], failed["type"]) == (400, "UndecodableImage")


def test_kserve_v2(shell):
    document = json.loads(shell("kserve-v2"))
    assert list(document) == ["id", "model_name", "model_version", "outputs"]
    names = [output["name"] for output in document["outputs"]]
    assert names == ["boxes", "scores", "labels", "label_names", "masks"]


def test_python(python):
    lines = python("python").splitlines()
    assert len(lines) == 24
    assert lines[0].startswith("coin 0.99999")


def test_grpc(python):
    python("grpc-stubs")
    (line,) = python("grpc").splitlines()
    assert line.startswith("coin 0.99999")


def test_a_mask(python, pytestconfig):
    printed = python("mask").strip()
    shape, pixels = re.fullmatch(r"\((\d+, \d+)\) (\d+)", printed).groups()
    text = (pytestconfig.rootpath / "docs" / "api.md").read_text(encoding="utf-8")
    said_shape, said_pixels = re.search(r"prints `\((\d+, \d+)\) (\d+)`", text).groups()
    assert shape == said_shape
    assert int(pixels) == pytest.approx(int(said_pixels), rel=0.01)


def test_the_description(shell, pytestconfig):
    (version,) = json.loads(shell("description"))
    said = version["customizedMetadata"]
    text = (pytestconfig.rootpath / "docs" / "api.md").read_text(encoding="utf-8")
    section = text.partition("## What a model says of itself\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \| \w", section, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(said)
    assert said["model"] == {"name": "coins", "version": "1.0"}
