"""Files of the manifests that have to be those of the repository, and what stands in no file."""

import json
import re
import subprocess

import pytest
import yaml

from tests.deploy.kubernetes.conftest import EXAMPLES, KSERVE, OVERLAYS, PODS, TOKEN
from tests.deploy.kubernetes.objects import Objects, of_kind, the

DIFFERENT = {
    "metrics_address": "http://0.0.0.0:8082",
    "disable_token_authorization": "true",
    "metrics_config": "/app/deploy/torchserve/metrics.yaml",
}
DIFFERENT_IN_KSERVE = {
    **DIFFERENT,
    "inference_address": "http://0.0.0.0:8080",
    "max_request_size": "8388608",
}


def lines(text: str) -> list[list[str]]:
    return [line.split("=", 1) for line in text.splitlines() if line and line[0] != "#"]


def config_of(objects: Objects) -> str:
    return the(objects, "ConfigMap", "torchserve-config")["data"]["config.properties"]


@pytest.mark.parametrize(
    ("overlay", "different"),
    [
        *((overlay, DIFFERENT) for overlay in PODS),
        *((overlay, DIFFERENT_IN_KSERVE) for overlay in KSERVE),
    ],
)
def test_settings_are_those_of_the_repository_but_for_the_named_ones(
    overlay, different, render, deploy
):
    ours = lines((deploy.parent / "config.properties").read_text())
    assert dict(ours)["metrics_config"] == "deploy/torchserve/metrics.yaml"
    wanted = [[key, different.get(key, value)] for key, value in ours]
    assert lines(config_of(render(overlay))) == wanted


@pytest.mark.parametrize("overlay", PODS)
def test_the_dashboard_is_that_of_grafana(overlay, render, deploy):
    config = the(render(overlay), "ConfigMap", "torchserve-dashboard")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    (text,) = config["data"].values()
    shipped = (deploy / "grafana" / "dashboards" / "detectron2.json").read_text()
    assert json.loads(text) == json.loads(shipped)


@pytest.mark.parametrize("overlay", PODS)
def test_the_alerts_are_those_of_prometheus(overlay, render, deploy):
    rule = the(render(overlay), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((deploy / "prometheus" / "alerts.yml").read_text())


@pytest.mark.parametrize("overlay", PODS)
def test_what_is_scraped_is_called_as_alerts_and_dashboard_call_it(overlay, render, deploy):
    objects = render(overlay)
    monitor = the(objects, "ServiceMonitor")["spec"]
    (service,) = [
        one
        for one in of_kind(objects, "Service")
        if monitor["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
    ]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    (job,) = set(re.findall(r'job="(\w+)"', (deploy / "prometheus" / "alerts.yml").read_text()))
    assert service["metadata"]["labels"][monitor["jobLabel"]] == job
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_what_is_scraped_of_kserve_is_called_so_as_well(render, deploy):
    """Knative's pods name one port, by which the server is found; its metrics are at another."""
    objects = render("kserve/example")
    (container,) = the(objects, "ServingRuntime")["spec"]["containers"]
    (port,) = container["ports"]
    monitor = the(objects, "PodMonitor")["spec"]
    policy = the(objects, "NetworkPolicy")["spec"]
    assert monitor["selector"] == policy["podSelector"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["portNumber"] == port["containerPort"]
    labels = {one["targetLabel"]: one["replacement"] for one in endpoint["relabelings"]}
    (job,) = set(re.findall(r'job="(\w+)"', (deploy / "prometheus" / "alerts.yml").read_text()))
    assert labels == {"__address__": "$1:8082", "job": job}
    annotations = the(objects, "ServingRuntime")["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/port"] == "8082"
    service = the(objects, "InferenceService")["metadata"]["annotations"]
    assert service["serving.kserve.io/enable-prometheus-scraping"] == "true"


@pytest.mark.parametrize("overlay", [*PODS, *KSERVE])
def test_a_changed_file_rolls_the_pods(overlay, render):
    objects = render(overlay)
    mounted = re.findall(r"'name': '(torchserve-(?:config|proxy)[^']*)'", str(objects))
    for config in of_kind(objects, "ConfigMap"):
        if "dashboard" not in config["metadata"]["name"]:
            assert re.search(r"-[a-z0-9]{10}$", config["metadata"]["name"])
            assert mounted.count(config["metadata"]["name"]) == 2  # its own, and where it is used


@pytest.mark.parametrize("overlay", EXAMPLES)
def test_a_site_adds_its_secret_and_a_new_one_rolls_the_pods(overlay, render):
    objects = render(overlay)
    secret = the(objects, "Secret")
    assert TOKEN not in str(objects)  # base64 in there, and nowhere else
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]["spec"]
    (volume,) = [one["secret"] for one in pod["volumes"] if "secret" in one]
    assert volume["secretName"] == secret["metadata"]["name"] != "torchserve-tokens"
    assert volume["defaultMode"] == 0o440


@pytest.mark.parametrize("overlay", ["overlays/cpu", "overlays/gpu"])
def test_without_one_no_pod_begins(overlay, render):
    objects = render(overlay)
    assert not of_kind(objects, "Secret")
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]["spec"]
    (volume,) = [one["secret"] for one in pod["volumes"] if "secret" in one]
    assert volume["secretName"] == "torchserve-tokens"
    assert not volume.get("optional")


def test_no_secret_is_in_the_repository(deploy):
    root = deploy.parent
    tracked = subprocess.run(
        ["git", "ls-files", "deploy/kubernetes"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip(f"no checkout: {tracked.stderr}")
    files = [root / name for name in tracked.stdout.splitlines()]
    assert len(files) > 20
    for file in files:
        assert file.name != "tokens.conf"
        assert "kind: Secret\n" not in file.read_text()
    ignored = subprocess.run(
        ["git", "check-ignore", "-q", "deploy/kubernetes/overlays/example/tokens.conf"],
        cwd=root,
        check=False,
    )
    assert ignored.returncode == 0


def block(text: str, head: str) -> str:
    """What stands in the braces of the only block with this head, spaces and comments aside."""
    (found,) = re.findall(
        rf"^ *{re.escape(head)} \{{\n(.*?)\n *\}}", text, re.DOTALL | re.MULTILINE
    )
    return " ".join(re.sub(r"#.*", "", found).split())


def limits(text: str, by_length: str, *upstreams: str) -> dict[str, int]:
    """How many requests at a time TorchServe is given, by what their length looks like.

    Args:
        text: A configuration of nginx.
        by_length: The variable whose map chooses an upstream by the length.
        upstreams: Others, named as they are.
    """
    rows = re.findall(r"(\S+) (\w+);", block(text, f"map $content_length {by_length}"))
    names = [*rows, *((name.rpartition("torchserve_")[2], name) for name in upstreams)]
    return {
        length: int(re.findall(r"max_conns=(\d+);$", block(text, f"upstream {name}"))[0])
        for length, name in names
    }


def test_the_proxy_lets_through_what_the_other_one_does(deploy):
    ours = (deploy / "kubernetes" / "base" / "nginx.conf").read_text()
    other = (deploy / "nginx" / "torchserve.conf").read_text()
    for here, there in (
        ("$allowed", "$torchserve_allowed"),
        ("$grpc_allowed", "$torchserve_grpc_allowed"),
    ):
        head = 'map "$request_method $request_uri" '
        assert block(ours, head + here) == block(other, head + there)
    headers = [set(re.findall(r"proxy_set_header (X-[\w-]+)", text)) for text in (ours, other)]
    assert headers[0] == headers[1]
    here = limits(ours, "$predictions", "ping", "grpc", "grpc_ping")
    there = limits(
        other,
        "$torchserve_rest_predictions",
        *("torchserve_rest_ping", "torchserve_grpc", "torchserve_grpc_ping"),
    )
    there["ping"] = there.pop("rest_ping")
    assert here == there
    assert len(here) == 6


def test_every_kustomization_is_rendered_by_a_test(deploy):
    folder = deploy / "kubernetes"
    known, seen = {(folder / overlay).resolve() for overlay in OVERLAYS}, set()
    while known - seen:
        one = (known - seen).pop()
        seen.add(one)
        document = yaml.safe_load((one / "kustomization.yaml").read_text())
        parts = [*document.get("resources", []), *document.get("components", [])]
        known |= {(one / part).resolve() for part in parts if (one / part).is_dir()}
    assert {file.parent.resolve() for file in folder.rglob("kustomization.yaml")} <= seen
