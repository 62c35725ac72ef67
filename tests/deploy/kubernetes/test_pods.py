"""What every pod may do, how it is asked whether it is well, and how it ends."""

from pathlib import Path
from typing import Any

import pytest

from server.properties import read_properties
from tests.deploy.docker.dockerfile import read_dockerfile
from tests.deploy.kubernetes.conftest import KSERVE, PODS, SCALED
from tests.deploy.kubernetes.objects import the

TORCHSERVE_ENDS_S = 20  # server.torchserve gives it so long


@pytest.fixture(params=PODS)
def pod(request: pytest.FixtureRequest, render) -> dict[str, Any]:
    return the(render(request.param), "Deployment", "torchserve")["spec"]["template"]["spec"]


@pytest.fixture(params=(*PODS, *KSERVE))
def containers(request: pytest.FixtureRequest, render) -> list[dict[str, Any]]:
    if request.param.startswith("kserve"):
        return the(render(request.param), "ServingRuntime")["spec"]["containers"]
    spec = the(render(request.param), "Deployment", "torchserve")["spec"]["template"]["spec"]
    return [*spec["initContainers"], *spec["containers"]]


def named(pod: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in (*pod["initContainers"], *pod["containers"]) if one["name"] == name]
    return found


def option(container: dict[str, Any], name: str) -> str:
    return container["args"][container["args"].index(name) + 1]


# --- What it may do -------------------------------------------------------------------------------


def test_no_container_may_change_its_files_or_become_more_than_it_is(containers):
    for one in containers:
        context = one["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not context.get("privileged")


def test_no_pod_is_root_or_without_a_seccomp_profile(pod):
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in (context, named(pod, "proxy")["securityContext"]):
        assert one["runAsUser"] >= 10000


def test_a_runtime_of_kserve_says_so_for_its_container_because_knative_knows_no_other_place(render):
    (container,) = the(render("kserve/base"), "ServingRuntime")["spec"]["containers"]
    context = container["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] >= 10000
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_user_and_the_folder_are_those_of_the_image(pod, deploy):
    stage = read_dockerfile(deploy / "docker" / "Dockerfile")["server"]
    user, _, group = stage.values("USER")[0].partition(":")
    context = pod["securityContext"]
    assert [context["runAsUser"], context["runAsGroup"]] == [int(user), int(group)]
    assert named(pod, "server")["workingDir"] == stage.values("WORKDIR")[-1]


def test_nothing_of_the_node_is_shared_and_no_token_of_the_cluster_given(pod, render):
    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & set(pod)
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    restricted = {"configMap", "emptyDir", "image", "persistentVolumeClaim", "secret"}
    assert {kind for one in pod["volumes"] for kind in one if kind != "name"} <= restricted
    account = the(render("overlays/cpu"), "ServiceAccount")
    assert account["metadata"]["name"] == pod["serviceAccountName"] != "default"
    assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("overlay", PODS)
def test_the_namespace_refuses_pods_that_may_do_more(overlay, render):
    namespace = the(render(overlay), "Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    everything = {one["metadata"].get("namespace") for one in render(overlay)}
    assert everything == {None, namespace["metadata"]["name"]}


def test_the_tokens_are_not_for_archives_which_are_programs(pod):
    proxy, server = named(pod, "proxy"), named(pod, "server")
    mounts = {mount["name"] for mount in proxy["volumeMounts"]}
    assert "tokens" in mounts
    assert "tokens" not in {mount["name"] for mount in server["volumeMounts"]}
    assert proxy["securityContext"]["runAsUser"] != pod["securityContext"]["runAsUser"]


def test_what_is_mounted_is_read_only_but_for_folders_that_end_with_the_pod(containers, pod):
    passing = {one["name"] for one in pod["volumes"] if "emptyDir" in one}
    for container in containers:
        for mount in container["volumeMounts"]:
            assert mount.get("readOnly") is True or mount["name"] in passing, mount


def test_folders_that_are_written_are_bounded_and_those_of_the_image(pod, compose_folders):
    for one in pod["volumes"]:
        if "emptyDir" in one:
            assert one["emptyDir"]["sizeLimit"]
    written = {
        mount["mountPath"]
        for mount in named(pod, "server")["volumeMounts"]
        if not mount.get("readOnly")
    }
    assert written == compose_folders


@pytest.fixture
def compose_folders(deploy: Path) -> set[str]:
    text = (deploy / "docker" / "compose.yaml").read_text()
    return {folder for folder in ("/tmp", "/run/torchserve") if f"- {folder}:" in text}


def test_every_container_says_what_it_needs_and_gets_no_more(containers):
    for one in containers:
        assert set(one["resources"]["requests"]) >= {"cpu", "memory"}
        assert one["resources"]["limits"]["memory"] == one["resources"]["requests"]["memory"]
        assert "cpu" in one["resources"]["limits"]  # workers count their threads by it


def test_images_are_named_by_a_tag(containers):
    for one in containers:
        image, _, tag = one["image"].rpartition(":")
        assert image
        assert tag
        assert tag != "latest"


# --- How it is asked ------------------------------------------------------------------------------


def test_it_is_ready_when_predictions_work(containers):
    server = containers[-1]
    command = server["readinessProbe"]["exec"]["command"]
    assert command[:4] == ["python", "-m", "client", "ready"]
    config = command[command.index("--ts-config") + 1]
    assert config == option(server, "--ts-config")
    waits = float(command[command.index("--timeout") + 1])
    for probe in ("startupProbe", "readinessProbe"):
        if probe in server:
            assert server[probe]["exec"]["command"] == command
            assert server[probe]["timeoutSeconds"] > waits + 1  # it says itself what was late


def test_a_model_may_load_as_long_as_torchserve_lets_it(pod, deploy):
    properties = read_properties(deploy / "kubernetes" / "base" / "config.properties")
    probe = named(pod, "server")["startupProbe"]
    patience_s = probe["periodSeconds"] * probe["failureThreshold"]
    assert patience_s >= 2 * int(properties["default_startup_timeout"])


def test_only_what_a_restart_mends_is_restarted(containers):
    probe = containers[-1]["livenessProbe"]
    assert probe["httpGet"]["path"] == "/ping"
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


# --- How it ends ----------------------------------------------------------------------------------


def test_a_pod_has_the_time_that_its_end_takes(pod, deploy):
    server = named(pod, "server")
    sleep_s = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = float(option(server, "--drain-timeout"))
    assert pod["terminationGracePeriodSeconds"] >= sleep_s + drain_s + TORCHSERVE_ENDS_S
    properties = read_properties(deploy / "kubernetes" / "base" / "config.properties")
    assert drain_s > float(properties["default_response_timeout"])


def test_the_way_in_opens_before_the_server_and_closes_after_it(pod):
    proxy = named(pod, "proxy")
    assert proxy in pod["initContainers"]
    assert proxy["restartPolicy"] == "Always"


def test_connections_that_clients_keep_end_before_the_server_does(pod):
    (shell, option_, line) = named(pod, "proxy")["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, option_) == ("sh", "-c")
    before, _, reload = line.partition(" && ")
    waits_s = int(before.removeprefix("sleep "))
    server = named(pod, "server")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 5 <= waits_s < server
    command = named(pod, "proxy")["command"]
    assert reload == " ".join([*command[: command.index("-g")], "-s", "reload"])


def test_a_pod_of_knative_has_the_time_that_its_end_takes(render):
    objects = render("kserve/base")
    (container,) = the(objects, "ServingRuntime")["spec"]["containers"]
    timeout_s = the(objects, "InferenceService")["spec"]["predictor"]["timeout"]
    assert timeout_s >= float(option(container, "--drain-timeout")) + TORCHSERVE_ENDS_S
    assert "lifecycle" not in container  # Knative refuses it


# --- How many there are ---------------------------------------------------------------------------


@pytest.mark.parametrize("overlay", SCALED)
def test_not_all_go_at_once(overlay, render):
    budget = the(render(overlay), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    deployment = the(render(overlay), "Deployment", "torchserve")["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] <= 1
    assert "replicas" not in deployment  # the autoscaler's
    autoscaler = the(render(overlay), "HorizontalPodAutoscaler")["spec"]
    assert autoscaler["minReplicas"] >= 2
    assert (
        autoscaler["scaleTargetRef"]["name"]
        == the(render(overlay), "Deployment", "torchserve")["metadata"]["name"]
    )


def test_a_gpu_is_asked_for_and_waited_for(render):
    spec = the(render("overlays/gpu"), "Deployment", "torchserve")["spec"]
    pod = spec["template"]["spec"]
    server = named(pod, "server")
    assert server["image"] == "detectron2-torchserve:gpu"
    assert server["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert [one["key"] for one in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    cpu = the(render("overlays/cpu"), "Deployment", "torchserve")["spec"]["template"]["spec"]
    assert "nvidia.com/gpu" not in str(cpu)
    assert named(cpu, "server")["image"] == "detectron2-torchserve:cpu"


@pytest.mark.parametrize(
    ("overlay", "source"),
    [
        ("overlays/cpu", "image"),
        ("overlays/gpu", "image"),
        ("overlays/example", "persistentVolumeClaim"),
        ("overlays/example-gpu", "image"),
    ],
)
def test_archives_come_from_an_image_or_a_volume_and_cannot_be_written(overlay, source, render):
    pod = the(render(overlay), "Deployment", "torchserve")["spec"]["template"]["spec"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "archives"]
    assert source in volume
    (mount,) = [one for one in named(pod, "server")["volumeMounts"] if one["name"] == "archives"]
    assert mount["mountPath"] == "/models"  # the image's --model-store
    assert mount["readOnly"] is True


def test_kserve_puts_archives_where_its_server_looks(render):
    (container,) = the(render("kserve/base"), "ServingRuntime")["spec"]["containers"]
    assert option(container, "--model-store") == "/mnt/models"


@pytest.mark.parametrize("overlay", KSERVE)
def test_what_asks_for_no_token_is_not_known_outside_the_cluster(overlay, render):
    labels = the(render(overlay), "InferenceService")["metadata"]["labels"]
    assert labels["networking.knative.dev/visibility"] == "cluster-local"


def test_a_canary_changes_what_is_served_and_to_how_many(render):
    before = the(render("kserve/base"), "InferenceService")
    after = the(render("kserve/canary"), "InferenceService")
    assert after["spec"]["predictor"].pop("canaryTrafficPercent") == 10
    assert before["spec"]["predictor"]["model"].pop("storageUri") == "s3://models/pets/1"
    assert after["spec"]["predictor"]["model"].pop("storageUri") == "s3://models/pets/2"
    assert after == before
