"""The Serve config of a store, as Serve's own schema reads it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

from deploy.ray.arguments import GatewayConfig, ModelArguments
from deploy.ray.cli import main
from torture.variants import make_variant


@pytest.fixture(scope="module")
def folder(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of one model, and one of another that goes in batches."""
    made = tmp_path_factory.mktemp("store")
    for name, model, version in (("a", "tiny", "1.0"), ("b", "tiny", "2.0"), ("c", "other", "1.0")):
        edits = {"model-config.yaml": in_batches} if model == "other" else {}
        make_variant(store / "tiny.mar", made / f"{name}.mar", version, edits, model=model)
    return made


def in_batches(content: bytes) -> bytes:
    settings = {"batchSize": 4, "maxBatchDelay": 0, "minWorkers": 2, "maxWorkers": 6}
    return yaml.safe_dump(yaml.safe_load(content) | settings).encode()


def config_of(capsys, *arguments: str) -> ServeDeploySchema:
    assert main(["config", *arguments]) == 0
    return ServeDeploySchema.model_validate(yaml.safe_load(capsys.readouterr().out))


def test_serve_reads_it(folder, capsys):
    config = config_of(capsys, str(folder), "--default", "tiny=2.0", "--gateways", "3")
    gateway, *models = config.applications
    assert (gateway.name, gateway.route_prefix) == ("gateway", "/")
    assert [one.name for one in models] == ["tiny@1.0", "tiny@2.0", "other@1.0"]
    assert {one.route_prefix for one in models} == {None}
    (deployment,) = gateway.deployments
    assert deployment.num_replicas == 3
    served = GatewayConfig.model_validate(deployment.user_config)
    assert served.models["tiny"].default == "2.0"
    assert served.models["other"].versions == {"1.0": "other@1.0"}
    assert config.http_options.host == "127.0.0.1"  # nobody else, unless it is said


def test_it_takes_over_how_the_archive_is_served(folder, capsys):
    *_, other = config_of(capsys, str(folder), "--default", "tiny=2.0").applications
    arguments = ModelArguments.model_validate(other.args)
    assert (arguments.batch_size, arguments.batch_wait_s) == (4, 0)
    (deployment,) = other.deployments
    assert deployment.autoscaling_config["min_replicas"] == 2
    assert deployment.autoscaling_config["max_replicas"] == 6
    assert deployment.max_ongoing_requests == 8


def test_processes_as_they_are_asked_for(folder, capsys):
    *_, other = config_of(
        capsys,
        str(folder),
        *("--default", "tiny=2.0", "--replicas", "1:4", "--num-gpus", "0.5", "--num-cpus", "2"),
    ).applications
    (deployment,) = other.deployments
    options = deployment.ray_actor_options
    assert (options.num_gpus, options.num_cpus) == (0.5, 2)
    assert deployment.autoscaling_config["max_replicas"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "tiny has the versions 1.0, 2.0: say which", id="which default"),
        pytest.param(["--default", "tiny=9"], "9 is none of them", id="no such version"),
        pytest.param(
            ["--default", "tiny=1.0", "--default", "cats=1.0"],
            "no archive is of the model cats",
            id="no such model",
        ),
    ],
)
def test_what_it_cannot_know_it_asks(arguments, said, folder, capsys):
    assert main(["config", str(folder), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_two_archives_of_one_version_are_refused(store, tmp_path, capsys):
    for name in ("a", "b"):
        make_variant(store / "tiny.mar", tmp_path / f"{name}.mar", "1.0")
    assert main(["config", str(tmp_path)]) == 1
    assert "two archives are tiny 1.0" in capsys.readouterr().err


def test_a_store_of_a_relative_path_has_archives_of_absolute_ones(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    *_, other = config_of(capsys, folder.name, "--default", "tiny=2.0").applications
    assert other.args["url"] == str(folder / "c.mar")


def test_an_empty_store_is_a_sentence(tmp_path, capsys):
    assert main(["config", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"The store {tmp_path} has no .mar file.\n"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--replicas", value) for value in ("0:1", "3:2", "a", "")),
        *(("--num-cpus", value) for value in ("0", "-1", "nan")),
        *(("--num-gpus", value) for value in ("-1", "1.5", "nan")),
        ("--gateways", "0"),
        ("--port", "0"),
        ("--default", "tiny"),
    ],
)
def test_a_value_that_cannot_be_is_a_usage_error(option, value, folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["config", str(folder), option, value])
    assert f"argument {option}: " in capsys.readouterr().err


def test_a_config_that_cannot_be_written_is_a_sentence(folder, tmp_path, capsys):
    file = tmp_path / "no" / "serve.yaml"
    assert main(["config", str(folder), "--default", "tiny=1.0", "-o", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"{file} cannot be written: ")


def test_a_key_file_is_found_wherever_processes_run(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = config_of(capsys, str(folder), "--default", "tiny=1.0", "--key-file", "key")
    assert config.applications[0].args["key_file"] == str(tmp_path / "key")


def test_help_teaches():
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.ray", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "serve deploy serve.yaml" in shown


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"sha256": "abc"}, "sha256", id="digest"),
        pytest.param({"batch_size": 0}, "batch_size", id="batch"),
        pytest.param({"batchsize": 4}, "batchsize", id="unknown"),
    ],
)
def test_wrong_arguments_are_named(changed, said):
    right = {"url": "/x.mar", "sha256": "0" * 64, "name": "x", "version": "1.0"}
    ModelArguments.model_validate(right)
    with pytest.raises(ValidationError, match=said):
        ModelArguments.model_validate(right | changed)
