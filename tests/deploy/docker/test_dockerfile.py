"""The Dockerfile's form; no container engine runs here that could build it."""

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client import ready


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def server(stages):
    return stages["server"]


def test_hadolint_finds_nothing(docker):
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    result = subprocess.run(
        [hadolint, "--failure-threshold", "ignore", str(docker / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_both_variants_are_stages_and_the_image_is_one_of_them(stages, docker):
    assert list(stages) == ["packages", "server", "cpu", "gpu", "image"]
    assert stages["cpu"].base == stages["gpu"].base == "server"
    assert stages["image"].base == "${VARIANT}"
    assert "ARG VARIANT=cpu" in (docker / "Dockerfile").read_text()


def test_the_base_is_named_once_and_by_a_full_version(stages, docker):
    assert stages["packages"].base == stages["server"].base == "${PYTHON_IMAGE}"
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", (docker / "Dockerfile").read_text(), re.M)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", image)


def test_everything_that_is_copied_exists_and_is_let_through(stages, root):
    lines = (root / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    sources = [
        source for stage in stages.values() for sources, _ in stage.copies() for source in sources
    ]
    assert len(sources) == 8
    for source in sources:
        assert (root / source).exists(), source
        assert source in allowed, source


@pytest.mark.parametrize("secret", ["key_file.json", "model_store/pets.mar", ".git/config"])
def test_what_is_secret_or_large_stays_outside(secret, root):
    lines = (root / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    first = secret.split("/")[0]
    assert not [line for line in lines if line[:1] == "!" and fnmatch.fnmatch(first, line[1:])]


def test_it_is_nobody_of_importance_when_it_runs(stages, server):
    assert server.values("USER") == ["10001:10001"]
    for name in ("cpu", "gpu", "image"):
        assert not stages[name].values("USER")


def test_signals_reach_python_itself(server):
    assert server.values("STOPSIGNAL") == ["SIGTERM"]
    assert server.exec_form("ENTRYPOINT")[:3] == ["python", "-m", "server"]
    assert server.exec_form("HEALTHCHECK")[:4] == ["python", "-m", "client", "ready"]


def test_the_health_check_ends_before_it_is_ended(server):
    (value,) = server.values("HEALTHCHECK")
    limit = re.search(r"--timeout=(\d+)s", value)
    assert limit
    assert int(limit[1]) > ready._TIMEOUT_S + ready._GRACE_S  # for all models together


def test_no_variable_and_no_argument_holds_a_secret(stages):
    names = [
        re.split(r"[= ]", value)[0]
        for stage in stages.values()
        for keyword in ("ARG", "ENV")
        for value in stage.values(keyword)
    ]
    assert not [name for name in names if re.search("KEY|TOKEN|SECRET|PASSWORD", name)]


def test_no_package_manager_leaves_its_downloads(stages):
    packages, server = stages["packages"], stages["server"]
    assert packages.environment(PATH="")["PIP_NO_CACHE_DIR"] == "1"
    assert packages.values("RUN")[-1].endswith("pip uninstall --yes pip")
    (apt,) = [run for run in server.values("RUN") if "apt-get" in run]
    assert apt.endswith("rm -rf /var/lib/apt/lists/*")
    assert "--no-install-recommends" in apt
    assert not [value for value in server.values("RUN") if "pip " in value]


def test_opencv_comes_without_windows_in_the_pinned_version(stages, root, tmp_path):
    command = stages["packages"].values("RUN")[-1].partition(" && ")[0]
    assert command.startswith("sed ")
    shutil.copy(root / "requirements.txt", tmp_path)
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True)
    before = (root / "requirements.txt").read_text().splitlines()
    after = (tmp_path / "requirements.txt").read_text().splitlines()
    ((old, new),) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert old.startswith("opencv-python==")
    assert new == old.replace("opencv-python", "opencv-python-headless")


def test_torch_alone_comes_from_another_index(stages, root, tmp_path):
    (command,) = [run for run in stages["packages"].values("RUN") if "TORCH_INDEX" in run]
    shutil.copy(root / "requirements.txt", tmp_path)
    (tmp_path / "pip").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "pip").chmod(0o755)
    said = {}
    for index in ("", "https://wheels.example.org/cpu"):
        result = subprocess.run(
            ["sh", "-ec", command],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TORCH_INDEX": index},
            capture_output=True,
            text=True,
            check=True,
        )
        said[index] = result.stdout
    assert said == {
        "": "",
        "https://wheels.example.org/cpu": (
            "install --no-deps --index-url https://wheels.example.org/cpu -r torch.txt\n"
        ),
    }
    pins = [line.split()[0] for line in (tmp_path / "torch.txt").read_text().splitlines()]
    assert [pin.split("==")[0] for pin in pins] == ["torch", "torchvision"]


def test_what_must_be_published_listens_on_the_network_and_nothing_else(app, root):
    def addresses(folder: Path) -> dict[str, str]:
        text = (folder / "config.properties").read_text()
        return dict(re.findall(r"^(\w+_address)=(\S+)$", text, re.MULTILINE))

    before, after = addresses(root), addresses(app)
    changed = {name: after[name] for name in before if after[name] != before[name]}
    assert changed == {
        "inference_address": "http://0.0.0.0:8080",
        "metrics_address": "http://0.0.0.0:8082",
    }
    assert after["management_address"] == "http://127.0.0.1:8081"
