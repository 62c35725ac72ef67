"""compose.yaml and what it adds for GPUs: their form, their mounts, and who reaches what."""

import re
from importlib.resources import files
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

FILES = ("compose.yaml", "compose.gpu.yaml")


@pytest.fixture
def services(compose) -> dict:
    return compose["services"]


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.mark.parametrize("name", FILES)
def test_is_of_the_form_that_the_compose_specification_gives(name, docker):
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema_rs.validator_for(schema.read_text())
    document = yaml.safe_load((docker / name).read_text())
    assert [str(error) for error in validator.iter_errors(document)] == []


def test_the_schema_finds_a_mistake():
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema_rs.validator_for(schema.read_text())
    assert not validator.is_valid({"services": {"server": {"read_onyl": True}}})


def test_every_service_is_confined(services):
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


def test_every_port_is_published_to_this_machine_alone(services):
    ports = [port for service in services.values() for port in service["ports"]]
    assert len(ports) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)


def test_images_of_others_are_named_by_a_full_version(services):
    for name in ("prometheus", "grafana"):
        assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"])


def test_what_is_mounted_is_there_and_cannot_be_written(services, docker):
    volumes = [volume for service in services.values() for volume in service["volumes"]]
    mounts = [re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume) for volume in volumes]
    ours = [mount.split(":") for mount in mounts if mount.startswith(".")]
    assert len(ours) == 6
    for source, _, mode in ours:
        assert (docker / source).exists(), source
        assert mode == "ro", source


def test_no_password_stands_in_it_or_in_a_variable(compose, services):
    grafana = services["grafana"]
    assert grafana["secrets"] == ["grafana_password"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == (
        "/run/secrets/grafana_password"
    )
    assert compose["secrets"]["grafana_password"]["file"].startswith("${GRAFANA_PASSWORD_FILE:?")
    for service in services.values():
        for name in service.get("environment", {}):
            assert name.endswith("__FILE") or not re.search("KEY|TOKEN|SECRET|PASSWORD", name)


def test_the_writable_folders_are_those_that_the_image_needs(services, stages):
    assert [line.partition(":")[0] for line in services["server"]["tmpfs"]] == [
        "/tmp",
        stages["server"].values("WORKDIR")[-1],
    ]
    user = stages["server"].values("USER")[0].partition(":")[0]
    assert f"uid={user},gid={user},mode=0700" in services["server"]["tmpfs"][1]


def test_the_stop_is_waited_for_longer_than_it_may_take(services):
    limit = services["server"]["command"][
        services["server"]["command"].index("--drain-timeout") + 1
    ]
    grace = services["server"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) >= int(limit) + 20  # what TorchServe is given to end


def test_prometheus_and_grafana_are_configured_as_elsewhere_but_for_addresses(docker, root):
    for here, there, address, name in (
        ("prometheus.yml", "prometheus/prometheus.yml", "127.0.0.1:8082", "server:8082"),
        (
            "datasource.yml",
            "grafana/provisioning/datasources/prometheus.yml",
            "127.0.0.1:9090",
            "prometheus:9090",
        ),
    ):
        shipped = (root / "deploy" / there).read_text().replace(address, name)
        assert yaml.safe_load((docker / "monitoring" / here).read_text()) == yaml.safe_load(shipped)


def test_a_gpu_adds_to_what_is_there(docker, services):
    added = yaml.safe_load((docker / "compose.gpu.yaml").read_text())["services"]["server"]
    assert added["build"]["args"] == {"VARIANT": "gpu"}
    assert services["server"]["build"]["args"]["VARIANT"] == "cpu"
    (device,) = added["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
