"""What a site has of its own reaches the objects: names, archives, numbers, files."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.properties import read_properties
from tests.deploy.kubernetes.conftest import EXAMPLES, render_folder
from tests.deploy.kubernetes.objects import Objects, of_kind, the

SERVER = "registry.example.org/detectron2-torchserve:1.4.0"


def pod(objects: Objects, name: str = "torchserve") -> dict[str, Any]:
    return the(objects, "Deployment", name)["spec"]["template"]["spec"]


def images(spec: dict[str, Any]) -> dict[str, str]:
    return {
        one["name"]: one["image"] for one in (*spec.get("initContainers", []), *spec["containers"])
    }


@pytest.mark.parametrize(("overlay", "variant"), list(zip(EXAMPLES, ("cpu", "gpu"), strict=True)))
def test_every_image_is_the_sites_and_the_servers_is_that_of_its_nodes(overlay, variant, render):
    objects = render(overlay)
    spec = pod(objects)
    assert images(spec) == {
        "server": f"{SERVER}-{variant}",
        "proxy": "registry.example.org/nginx:1.28.0",
    }
    asks = "nvidia.com/gpu" in spec["containers"][0]["resources"]["limits"]
    assert asks is (variant == "gpu")


def test_archives_are_a_folder_of_the_volume_whose_class_the_site_names(render):
    objects = render("overlays/example")
    spec = pod(objects)
    (mount,) = [
        one for one in spec["containers"][0]["volumeMounts"] if one["mountPath"] == "/models"
    ]
    assert mount == {
        "name": "archives",
        "mountPath": "/models",
        "subPath": "2026-11-20",
        "readOnly": True,
    }
    claim = the(objects, "PersistentVolumeClaim")
    assert claim["spec"]["storageClassName"] == "shared-files"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_archives_are_the_image_that_the_site_names(render):
    spec = pod(render("overlays/example-gpu"))
    (volume,) = [one for one in spec["volumes"] if one["name"] == "archives"]
    reference = "registry.example.org/pets-archives:2026-11-20"
    assert volume["image"] == {"reference": reference, "pullPolicy": "IfNotPresent"}
    (mount,) = [
        one for one in spec["containers"][0]["volumeMounts"] if one["mountPath"] == "/models"
    ]
    assert mount == {"name": "archives", "mountPath": "/models", "readOnly": True}


def test_archives_are_copied_into_the_volume_by_a_pod_that_may_do_no_more(render):
    objects = render("overlays/example")
    loader, server = pod(objects, "archives-loader"), pod(objects)
    assert the(objects, "Deployment", "archives-loader")["spec"]["replicas"] == 0
    assert images(loader) == {"loader": images(server)["server"]}
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert loader[key] == server[key]
    (container,) = loader["containers"]
    assert container["securityContext"] == server["containers"][0]["securityContext"]
    claims = [
        {one["persistentVolumeClaim"]["claimName"]}
        for spec in (loader, server)
        for one in spec["volumes"]
        if "persistentVolumeClaim" in one
    ]
    assert claims == [{the(objects, "PersistentVolumeClaim")["metadata"]["name"]}] * 2
    (mount,) = container["volumeMounts"]
    assert not mount.get("readOnly")
    assert mount["mountPath"] == container["workingDir"]  # where the guide's tar unpacks


def test_without_an_autoscaler_there_are_two_pods(render):
    objects = render("overlays/example-gpu")
    assert not of_kind(objects, "HorizontalPodAutoscaler")
    assert the(objects, "Deployment")["spec"]["replicas"] == 2
    assert the(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_what_is_served_by_kserve_is_the_sites(render):
    objects = render("kserve/example")
    assert {one["metadata"].get("namespace") for one in objects} == {"pets-kserve"}
    runtime = the(objects, "ServingRuntime")["spec"]
    assert images(runtime) == {"kserve-container": f"{SERVER}-cpu"}
    predictor = the(objects, "InferenceService")["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == "s3://example-models/pets/2026-11-20"
    account = the(objects, "ServiceAccount")
    assert predictor["serviceAccountName"] == account["metadata"]["name"]
    # KServe's storage initializer calls the store from this namespace.
    assert not [
        one for one in of_kind(objects, "NetworkPolicy") if "Egress" in one["spec"]["policyTypes"]
    ]


@pytest.fixture
def slower(pytestconfig: pytest.Config, site: Path, kustomize: list[str], tmp_path: Path):
    """The objects of an overlay with what the guide says about slower models, word for word."""
    text = (pytestconfig.rootpath / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (section,) = [one for one in section if one.startswith("Slower models\n")]
    (command,) = re.findall(r"^    (sed .*)$", section, re.MULTILINE)
    (lines,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    shutil.copytree(site.parent, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "kubernetes" / "overlays" / "slower"
    overlay.mkdir()
    subprocess.run(command, shell=True, cwd=overlay, check=True)
    head = "kind: Kustomization\nnamespace: pets\nresources: [../../base]\n"
    (overlay / "kustomization.yaml").write_text(head + lines)
    return render_folder(kustomize, overlay)


def test_an_overlay_gives_slower_models_their_time(slower, deploy):
    config = the(slower, "ConfigMap", "torchserve-proxy")
    spec = pod(slower)
    (volume,) = [one for one in spec["volumes"] if one["name"] == "proxy"]
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    text = config["data"]["nginx.conf"]
    waits_s = {int(one) for one in re.findall(r"(?:proxy|grpc)_read_timeout (\d+)s;", text)}
    assert len(re.findall(r"_read_timeout", text)) == 2
    (container,) = spec["containers"]
    drain_s = int(container["args"][container["args"].index("--drain-timeout") + 1])
    sleep_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits_s == {605}
    assert drain_s > 605
    assert spec["terminationGracePeriodSeconds"] == sleep_s + drain_s + 20
    shipped = (deploy / "kubernetes" / "base" / "nginx.conf").read_text()
    assert text.replace("605s", "125s") == shipped


def test_the_shipped_proxy_waits_longer_than_torchserve(deploy):
    base = deploy / "kubernetes" / "base"
    waits = re.findall(r"(?:proxy|grpc)_read_timeout (\d+)s;", (base / "nginx.conf").read_text())
    answers_s = int(read_properties(base / "config.properties")["default_response_timeout"])
    assert len(waits) == 2
    assert all(int(one) > answers_s for one in waits)


def test_the_guides_lines_about_pods_are_those_of_the_example(pytestconfig):
    root = pytestconfig.rootpath
    text = (root / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    (replicas,) = [one["replicas"] for one in shown if "replicas" in one]
    folder = root / "deploy" / "kubernetes" / "overlays" / "example-gpu"
    shipped = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert replicas == shipped["replicas"]
