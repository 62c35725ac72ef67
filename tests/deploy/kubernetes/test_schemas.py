"""Every rendered object against the schemas of three versions of Kubernetes."""

import copy
from typing import Any

import pytest

from tests.deploy.kubernetes.conftest import OVERLAYS
from tests.deploy.kubernetes.objects import the
from tests.deploy.kubernetes.validation import VERSIONS, problems

pytestmark = pytest.mark.usefixtures("crds")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_of_the_form_that_kubernetes_knows(overlay, version, render):
    objects = render(overlay)
    assert len(objects) >= 4
    found = {
        f"{one['kind']} {one['metadata']['name']}": wrong
        for one in objects
        if (wrong := problems(one, version))
    }
    assert found == {}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a path such as `spec/ports/0/port`."""
    result = copy.deepcopy(document)
    place: Any = result
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in parents:
        place = place[key]
    place[last] = value
    return result


POD = "spec/template/spec"
MISTAKES = [
    ("overlays/cpu", "Deployment", f"{POD}/containers/0/readOnlyRootFilesystem", True),
    ("overlays/cpu", "Deployment", f"{POD}/containers/0/readinessProbe/exec/comand", ["true"]),
    ("overlays/cpu", "Deployment", f"{POD}/containers/0/resources/limits", ["cpu"]),
    ("overlays/cpu", "Deployment", f"{POD}/volumes/0/image/ref", "x"),
    ("overlays/cpu", "Deployment", f"{POD}/terminationGracePeriodSeconds", "long"),
    ("overlays/cpu", "Deployment", "apiVersion", "extensions/v1beta1"),
    ("overlays/cpu", "HorizontalPodAutoscaler", "apiVersion", "autoscaling/v2beta2"),
    ("overlays/cpu", "HorizontalPodAutoscaler", "spec/targetCPUUtilizationPercentage", 50),
    ("overlays/cpu", "PodDisruptionBudget", "spec/maxUnavaliable", 1),
    ("overlays/cpu", "ServiceMonitor", "spec/endpoints/0/scrapeInterval", "15s"),
    ("overlays/cpu", "ServiceMonitor", "spec/endpoints/0/interval", "quarter"),
    ("overlays/cpu", "ServiceMonitor", "spec/selector", "torchserve"),
    ("kserve/example", "PodMonitor", "spec/podMetricsEndpoints/0/portNumber", "8080"),
    ("overlays/cpu", "PrometheusRule", "spec/groups/0/rules/0/alerts", "x"),
    ("kserve/canary", "ServingRuntime", "spec/supportedModelFormats/0/auto", True),
    ("kserve/canary", "ServingRuntime", "spec/containers/0/livenessProbe/http", {}),
    ("kserve/canary", "ServingRuntime", "spec/protocolVersions", "v2"),
    ("kserve/canary", "InferenceService", "spec/predictor/canaryTrafficPercent", "10%"),
    ("kserve/canary", "InferenceService", "spec/predictor/model/storageURI", "s3://a/b"),
    ("kserve/canary", "InferenceService", "spec/canaryTrafficPercent", 10),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("overlay", "kind", "path", "value"), MISTAKES, ids=[f"{row[1]}-{row[2]}" for row in MISTAKES]
)
def test_a_mistake_is_found(overlay, kind, path, value, version, render):
    document = the(render(overlay), kind)
    assert problems(document, version) == []
    assert problems(changed(document, path, value), version)
