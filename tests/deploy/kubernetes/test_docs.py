"""What docs/kubernetes.md says is true of the manifests."""

import re
from pathlib import Path

import pytest

from tests.deploy.kubernetes.conftest import OVERLAYS
from tests.deploy.kubernetes.objects import the
from tests.deploy.kubernetes.test_schemas import MISTAKES
from tests.deploy.kubernetes.validation import CRDS, VERSIONS

_NUMBERS = {20: "Twenty"}


@pytest.fixture(scope="module")
def text(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "kubernetes.md").read_text(encoding="utf-8")


def test_every_folder_is_named(text, deploy):
    folder = deploy / "kubernetes"
    for file in folder.rglob("kustomization.yaml"):
        assert file.parent.name in text, file
    assert {file.parent.relative_to(folder) for file in folder.rglob("kustomization.yaml")} >= {
        Path(overlay) for overlay in OVERLAYS
    }


def test_the_versions_are_those_that_are_validated(text):
    first, second, last = VERSIONS
    assert f"Kubernetes {first}, {second} and {last}" in text
    assert f"{_NUMBERS[len(MISTAKES)]} mistakes" in text
    pins = (Path(__file__).parent / "requirements.txt").read_text()
    for package, version in re.findall(r"^(\S+)==(\d+\.\d+)", pins, re.MULTILINE):
        said = {"kserve": "package", "cloudcoil.models.prometheus-operator": "definitions"}
        assert f"{said[package]}, {version}" in text


def test_the_installed_forms_are_of_those_versions():
    if not CRDS.is_dir():
        pytest.skip("make build/crds/.installed has not run")
    pins = (Path(__file__).parent / "requirements.txt").read_text()
    for package, version in re.findall(r"^(\S+)==(\S+)", pins, re.MULTILINE):
        name = re.sub(r"[-.]", "_", package)
        assert (CRDS / f"{name}-{version}.dist-info").is_dir()


def test_the_seconds_of_an_end_are_those_of_the_pod(text, render):
    pod = the(render("overlays/cpu"), "Deployment", "torchserve")["spec"]["template"]["spec"]
    rows = dict(re.findall(r"^\| (\d+) \| (.+?) \|", text, re.MULTILINE))
    (sidecar,), (server,) = pod["initContainers"], pod["containers"]
    reload_s = re.search(
        r"sleep (\d+)", " ".join(sidecar["lifecycle"]["preStop"]["exec"]["command"])
    )
    assert reload_s
    assert "nginx -s reload" in rows[reload_s[1]]
    assert "SIGTERM" in rows[str(server["lifecycle"]["preStop"]["sleep"]["seconds"])]
    assert "killed" in rows[str(pod["terminationGracePeriodSeconds"])]
    assert f"up to {server['args'][-1]} s" in text


def test_the_autoscalers_metrics_are_listed(text, queries):
    for name in queries:
        assert f"| `{name}` |" in text
