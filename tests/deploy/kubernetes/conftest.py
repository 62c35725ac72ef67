"""The manifests as a real kustomize renders them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.docker.conftest import app, docker, stages
from tests.deploy.kubernetes.validation import CRDS
from tests.tools.debian import ToolMissing, command

__all__ = ["app", "docker", "stages"]  # fixtures

Objects = list[dict[str, Any]]

OVERLAYS = ("overlays/cpu", "overlays/gpu", "overlays/example", "kserve/base", "kserve/canary")
PODS = ("overlays/cpu", "overlays/gpu", "overlays/example")
TOKEN = "0f3c" * 16


@pytest.fixture(scope="session")
def deploy(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "deploy"


@pytest.fixture(scope="session")
def kustomize() -> list[str]:
    """The command that renders a folder, but for the folder."""
    try:
        return [*command("kustomize"), "build"]
    except ToolMissing as reason:
        if kubectl := shutil.which("kubectl"):
            return [kubectl, "kustomize"]
        pytest.skip(f"{reason} There is no kubectl either.")


@pytest.fixture(scope="session")
def site(deploy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests with the secret that a site adds to them."""
    folder = tmp_path_factory.mktemp("site") / "deploy"
    for name in ("grafana", "kubernetes"):
        shutil.copytree(deploy / name, folder / name)
    tokens = folder / "kubernetes" / "overlays" / "example" / "tokens.conf"
    tokens.write_text(f'"Bearer {TOKEN}" team-a;\n', encoding="utf-8")
    return folder / "kubernetes"


@pytest.fixture(scope="session")
def render(kustomize: list[str], site: Path) -> Callable[[str], Objects]:
    """The objects of an overlay."""
    rendered: dict[str, Objects] = {}

    def render_(overlay: str) -> Objects:
        if overlay not in rendered:
            run = subprocess.run(
                [*kustomize, str(site / overlay)], capture_output=True, text=True, check=False
            )
            assert run.returncode == 0, run.stderr
            assert not run.stderr, run.stderr  # what is deprecated
            rendered[overlay] = list(yaml.safe_load_all(run.stdout))
        return rendered[overlay]

    return render_


@pytest.fixture(scope="session")
def crds() -> None:
    """Skips where the forms of other programs' objects are not here."""
    if not (CRDS / ".installed").is_file():
        pytest.skip("make build/crds/.installed fetches what KServe's objects are held against")


@pytest.fixture(scope="session")
def rules(deploy: Path) -> Objects:
    file = deploy / "kubernetes" / "components" / "autoscaling" / "prometheus-adapter.yaml"
    return yaml.safe_load(file.read_text())["rules"]["custom"]


@pytest.fixture(scope="session")
def queries(rules) -> dict[str, str]:
    """Each metric's query as prometheus-adapter asks it for two pods."""
    matchers = 'namespace="pets",pod=~"a|b"'
    return {
        rule["name"]["as"]: rule["metricsQuery"]
        .replace("<<.GroupBy>>", "pod")
        .replace("<<.LabelMatchers>>", matchers)
        for rule in rules
    }


def of_kind(objects: Objects, kind: str) -> Objects:
    return [one for one in objects if one["kind"] == kind]


def the(objects: Objects, kind: str, name: str | None = None) -> dict[str, Any]:
    """The only object of a kind, or the one of a name, without a digest at its end."""
    (found,) = [
        one
        for one in of_kind(objects, kind)
        if name is None or one["metadata"]["name"].startswith(name)
    ]
    return found
