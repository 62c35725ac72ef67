"""Who reaches which port of a pod, as policies and services say it."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from server.properties import addresses, read_properties
from tests.deploy.kubernetes.conftest import PODS
from tests.deploy.kubernetes.objects import Objects, of_kind, the

Labels = dict[str, str]

CLIENTS = {"kubernetes.io/metadata.name": "ingress", "detectron2/torchserve-client": "true"}
MONITORING = {"kubernetes.io/metadata.name": "monitoring"}
OBSERVABILITY = {"kubernetes.io/metadata.name": "observability"}
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
NOBODY: Labels = {}

HTTP, GRPC, METRICS = 9080, 9070, 8082
MANAGEMENT = (8081, 7071)
DIRECT = (8080, 7070)
KNATIVE = {8012, 8013, 8022, 8112, 9090}


def matches(selector: dict[str, Any], labels: Labels) -> bool:
    """Whether a selector of labels chooses something; an empty one chooses everything."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def reaches(
    objects: Objects,
    pod: dict[str, Any],
    *,
    port: int,
    namespace: Labels | None = None,
    sender: Labels | None = None,
    address: str = "10.0.0.1",
) -> bool:
    """Whether policies let somebody connect to a port.

    Args:
        objects: Rendered; their policies count.
        pod: The template of the pod that is asked.
        port: Number. A policy that names one is wrong: not every network finds a sidecar's names.
        namespace: Labels of the sender's namespace; None is a sender that is no pod.
        sender: Its own labels.
        address: Where it sends from. A pod's is not for policies to know it by.
    """
    labels = pod["metadata"]["labels"]
    chosen = [
        one["spec"]
        for one in of_kind(objects, "NetworkPolicy")
        if "Ingress" in one["spec"]["policyTypes"] and matches(one["spec"]["podSelector"], labels)
    ]
    rules = [rule for policy in chosen for rule in policy.get("ingress", [])]
    numbers = [allowed["port"] for rule in rules for allowed in rule["ports"]]
    assert all(isinstance(number, int) for number in numbers), numbers
    return not chosen or any(
        allowed["port"] == port and knows(peer, namespace, sender or {}, address)
        for rule in rules
        for allowed in rule["ports"]
        for peer in rule["from"]
    )


def knows(peer: dict[str, Any], namespace: Labels | None, sender: Labels, address: str) -> bool:
    """Whether somebody is one of those that a policy speaks of."""
    if "ipBlock" in peer:
        assert set(peer) == {"ipBlock"}
        assert set(peer["ipBlock"]) == {"cidr"}
        return namespace is None and ip_address(address) in ip_network(peer["ipBlock"]["cidr"])
    return (
        namespace is not None
        and matches(peer["namespaceSelector"], namespace)
        and matches(peer.get("podSelector", {}), sender)
    )


CASES = [
    pytest.param(CLIENTS, NOBODY, {HTTP, GRPC}, id="a client"),
    pytest.param(MONITORING, PROMETHEUS, {METRICS}, id="prometheus"),
    pytest.param(MONITORING, {"app.kubernetes.io/name": "grafana"}, set(), id="its neighbour"),
    pytest.param({"kubernetes.io/metadata.name": "shop"}, PROMETHEUS, set(), id="a pretender"),
    pytest.param({"kubernetes.io/metadata.name": "shop"}, NOBODY, set(), id="anybody"),
    pytest.param(
        {"kubernetes.io/metadata.name": "detectron2"},
        {"app.kubernetes.io/name": "torchserve", "app.kubernetes.io/component": "server"},
        set(),
        id="another server",
    ),
]


@pytest.mark.parametrize("overlay", ["overlays/cpu", "overlays/gpu"])
@pytest.mark.parametrize(("namespace", "sender", "allowed"), CASES)
def test_only_who_must_reaches_a_port(namespace, sender, allowed, overlay, render):
    objects = render(overlay)
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]
    tried = {HTTP, GRPC, METRICS, *MANAGEMENT, *DIRECT}
    assert {
        port
        for port in tried
        if reaches(objects, pod, namespace=namespace, sender=sender, port=port)
    } == allowed


@pytest.mark.parametrize(
    ("overlay", "address", "allowed"),
    [
        pytest.param("overlays/example-gpu", "35.191.7.8", {HTTP, GRPC}, id="a load balancer"),
        pytest.param("overlays/example-gpu", "130.211.3.4", {HTTP, GRPC}, id="its other range"),
        pytest.param("overlays/example-gpu", "130.211.4.1", set(), id="somebody beside it"),
        pytest.param("overlays/example", "35.191.7.8", set(), id="where no policy speaks of it"),
    ],
)
def test_a_load_balancer_that_is_no_pod_is_known_by_its_addresses(
    overlay, address, allowed, render
):
    objects = render(overlay)
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]
    tried = {HTTP, GRPC, METRICS, *MANAGEMENT, *DIRECT}
    assert {port for port in tried if reaches(objects, pod, address=address, port=port)} == allowed


def test_a_site_says_where_its_prometheus_is(render):
    objects = render("overlays/example")
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]
    for namespace, allowed in ((OBSERVABILITY, True), (MONITORING, False)):
        asked = {"namespace": namespace, "sender": PROMETHEUS, "port": METRICS}
        assert reaches(objects, pod, **asked) is allowed


@pytest.mark.parametrize(
    ("namespace", "sender", "allowed"),
    [
        ({"kubernetes.io/metadata.name": "knative-serving"}, NOBODY, KNATIVE),
        ({"kubernetes.io/metadata.name": "istio-system"}, NOBODY, KNATIVE),
        ({"kubernetes.io/metadata.name": "kourier-system"}, NOBODY, KNATIVE),
        (MONITORING, PROMETHEUS, {METRICS}),
        (CLIENTS, NOBODY, set()),
    ],
    ids=["knative", "istio", "kourier", "prometheus", "somebody else"],
)
def test_only_who_must_reaches_a_predictor(namespace, sender, allowed, render):
    objects = render("kserve/base")
    name = the(objects, "InferenceService")["metadata"]["name"]
    pod = {"metadata": {"labels": {"serving.kserve.io/inferenceservice": name}}}
    tried = {*KNATIVE, METRICS, *MANAGEMENT, *DIRECT}
    assert {
        port
        for port in tried
        if reaches(objects, pod, namespace=namespace, sender=sender, port=port)
    } == allowed


@pytest.mark.parametrize("overlay", PODS)
def test_a_server_calls_nobody(overlay, render):
    objects = render(overlay)
    (everybody,) = [
        one["spec"]
        for one in of_kind(objects, "NetworkPolicy")
        if "Egress" in one["spec"]["policyTypes"]
    ]
    assert everybody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("overlay", PODS)
def test_services_find_the_pods_and_lead_to_no_port_of_management(overlay, render):
    objects = render(overlay)
    pod = the(objects, "Deployment", "torchserve")["spec"]["template"]
    ports = {
        one["containerPort"]
        for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"])
        for one in container["ports"]
    }
    services = of_kind(objects, "Service")
    for service in services:
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
    leads_to = {
        (service["metadata"]["name"], port["targetPort"])
        for service in services
        for port in service["spec"]["ports"]
    }
    assert {port for _, port in leads_to} == ports  # by numbers: see `reaches`
    assert leads_to == {
        ("torchserve", HTTP),
        ("torchserve", GRPC),
        ("torchserve-metrics", METRICS),
    }


def test_nobody_reaches_the_pod_that_archives_are_copied_into(render):
    objects = render("overlays/example")
    pod = the(objects, "Deployment", "archives-loader")["spec"]["template"]
    for namespace, sender, _ in (case.values for case in CASES):
        for port in (HTTP, GRPC, METRICS):
            assert not reaches(objects, pod, namespace=namespace, sender=sender, port=port)
    for service in of_kind(objects, "Service"):
        assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    budget = the(objects, "PodDisruptionBudget")["spec"]["selector"]
    assert not matches(budget, pod["metadata"]["labels"])


@pytest.mark.parametrize("overlay", PODS)
def test_selectors_choose_the_pods_and_nothing_else(overlay, render):
    objects = render(overlay)
    deployment = the(objects, "Deployment", "torchserve")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"],
        the(objects, "PodDisruptionBudget")["spec"]["selector"],
        *(
            one["labelSelector"]
            for one in deployment["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    assert len(selectors) == 4
    for selector in selectors:
        assert selector["matchLabels"]
        assert matches(selector, labels)


@pytest.mark.parametrize("folder", ["base", "kserve/base"])
def test_management_listens_to_its_own_pod_alone(folder, deploy):
    properties = read_properties(deploy / "kubernetes" / folder / "config.properties")
    listening = {key: host for key, (host, _) in addresses(properties).items()}
    open_to_all = {key for key, host in listening.items() if host != "127.0.0.1"}
    own = {"metrics_address"} if folder == "base" else {"metrics_address", "inference_address"}
    assert open_to_all == own
