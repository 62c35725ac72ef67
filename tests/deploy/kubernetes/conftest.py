"""The manifests as a real kustomize renders them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from client.sample_image import sample_png
from tests.deploy.docker.confined import why_not
from tests.deploy.docker.conftest import app, docker, stages
from tests.deploy.kubernetes.objects import Objects
from tests.deploy.kubernetes.pod import Image, Pod, running, wait_until_ready
from tests.deploy.kubernetes.validation import CRDS
from tests.tools.debian import ToolMissing, command

__all__ = ["app", "docker", "stages"]  # fixtures

SCALED = ("overlays/cpu", "overlays/gpu", "overlays/example")
"""Those with the autoscaler."""

EXAMPLES = ("overlays/example", "overlays/example-gpu")
PODS = (*SCALED, "overlays/example-gpu")
KSERVE = ("kserve/base", "kserve/canary", "kserve/example")
OVERLAYS = (*PODS, *KSERVE)
TOKEN = "0f3c" * 16
GIVEN = f"Bearer {TOKEN}"


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
    for example in EXAMPLES:
        tokens = folder / "kubernetes" / example / "tokens.conf"
        tokens.write_text(f'"Bearer {TOKEN}" team-a;\n', encoding="utf-8")
    return folder / "kubernetes"


def render_folder(kustomize: list[str], folder: Path) -> Objects:
    """The objects of a folder."""
    run = subprocess.run([*kustomize, str(folder)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not run.stderr, run.stderr  # what is deprecated
    return list(yaml.safe_load_all(run.stdout))


@pytest.fixture(scope="session")
def render(kustomize: list[str], site: Path) -> Callable[[str], Objects]:
    """The objects of an overlay."""
    rendered: dict[str, Objects] = {}

    def render_(overlay: str) -> Objects:
        if overlay not in rendered:
            rendered[overlay] = render_folder(kustomize, site / overlay)
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


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.png"
    file.write_bytes(sample_png(64, 48))
    return file


@pytest.fixture
def container(app, stages) -> Image:
    """The server's image, where containers can be run."""
    if reason := why_not():
        pytest.skip(f"needs root and namespaces: {reason}")
    return Image(app, stages["server"])


@pytest.fixture
def models(store: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir(mode=0o755)
    for file in store.glob("tiny.mar*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def pod(render, container: Image, models: Path, tmp_path: Path) -> Iterator[Pod]:
    """The example's pod, ready as its startup probe says."""
    try:
        command("nginx")
    except ToolMissing as reason:
        pytest.skip(str(reason))
    objects = render("overlays/example")
    with running(objects, image=container, models=models, scratch=tmp_path / "pod") as pod:
        wait_until_ready(pod, "startupProbe")
        yield pod
