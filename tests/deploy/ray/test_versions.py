"""Versions come, become the default one and go, under load: no request is lost."""

import copy
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from client.errors import ReadOnlyManagement
from deploy.ray.serve_config import make_config
from examples.coins.photograph import photograph_path
from tests.deploy.ray.running import RayServed
from torture.load import Load
from torture.variants import make_variant


@pytest.fixture
def load(served_by_ray: RayServed) -> Iterator[Load]:
    """Two clients that name no version."""
    url = f"{served_by_ray.inference.url}/predictions/coins"
    images = [photograph_path().read_bytes()]
    with Load([url], served_by_ray.inference.token, images, threads=2) as running:
        running.wait_for(2)
        yield running


def versions_answered(load: Load) -> list[str]:
    """In the order of their answers; fails where one is none."""
    outcomes = sorted(load.outcomes, key=lambda one: one.end)
    assert Counter(one.status for one in outcomes) == {200: len(outcomes)}
    return [one.document["model"]["version"] for one in outcomes]


def command(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.ray", *arguments],
        env={**os.environ, "RAY_AUTH_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def move(served: RayServed, *arguments: str) -> subprocess.CompletedProcess[str]:
    cluster = served.cluster
    return command("default", *arguments, "--dashboard", cluster.dashboard, token=cluster.ray_token)


def wait_for_version(load: Load, version: str) -> None:
    deadline = time.monotonic() + 60
    while versions_answered(load)[-1] != version:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_default_version_moves_and_nothing_restarts(served_by_ray, load):
    before = [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0", "coins@2.0")]
    for version in ("2.0", "1.0"):
        moved = move(served_by_ray, "coins", version)
        assert (moved.returncode, moved.stderr) == (0, "")
        assert f"to {version}" in moved.stdout
        wait_for_version(load, version)
        load.wait_for(4)
    assert [
        served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0", "coins@2.0")
    ] == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("nobody", "1.0"), 'No model "nobody" is served', id="model"),
        pytest.param(("coins", "9"), "coins has no version 9; it has 1.0, 2.0.", id="version"),
    ],
)
def test_a_default_that_is_not_there_is_refused(arguments, said, served_by_ray):
    refused = move(served_by_ray, *arguments)
    assert refused.returncode == 1
    assert said in refused.stderr


def test_without_the_token_of_the_cluster_nothing_moves(served_by_ray):
    dashboard = served_by_ray.cluster.dashboard
    refused = command("default", "coins", "2.0", "--dashboard", dashboard, token="another")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{dashboard}/api/serve/applications/ answered 40")


def test_no_cluster_is_a_sentence(unused_port):
    refused = command("default", "coins", "1.0", "--dashboard", f"http://127.0.0.1:{unused_port}")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"http://127.0.0.1:{unused_port}/api/serve/applications/ ")
    assert "Traceback" not in refused.stderr


def test_a_version_that_comes_as_the_default_one_waits_until_it_answers(
    served_by_ray, ray_store, load, tmp_path
):
    config = copy.deepcopy(served_by_ray.config)
    gateway = config["applications"][0]
    archive = make_variant(ray_store / "coins.mar", tmp_path / "coins-3.mar", "3.0")
    (added,) = (
        one
        for one in make_config(str(tmp_path), defaults={}, **served_by_ray.settings)["applications"]
        if one["name"] == "coins@3.0"
    )
    assert added["args"]["url"] == str(archive)
    models = gateway["deployments"][0]["user_config"]["models"]
    models["coins"]["versions"]["3.0"] = "coins@3.0"
    models["coins"]["default"] = "3.0"
    config["applications"].append(added)
    others = [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0")]

    served_by_ray.cluster.deploy(config)
    wait_for_version(load, "3.0")

    assert set(versions_answered(load)) == {"1.0", "3.0"}
    assert [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0")] == others
    served_by_ray.cluster.deploy(served_by_ray.config)  # and goes again
    wait_for_version(load, "1.0")
    load.wait_for(4)
    versions_answered(load)
    assert [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0")] == others


def test_a_version_that_never_comes_disturbs_nobody(served_by_ray, load):
    """Its archive is another one than the config says, and it is to be the default one at once."""
    config = copy.deepcopy(served_by_ray.config)
    gateway = config["applications"][0]
    (wrong,) = (one for one in config["applications"] if one["name"] == "coins@1.0")
    wrong = copy.deepcopy(wrong) | {"name": "coins@3.0"}
    wrong["args"] |= {"version": "3.0", "sha256": "0" * 64}
    models = gateway["deployments"][0]["user_config"]["models"]
    models["coins"]["versions"] |= {"3.0": "coins@3.0", "4.0": "coins@4.0"}  # 4.0 is nowhere
    models["coins"]["default"] = "3.0"
    config["applications"].append(wrong)
    others = [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0")]
    served_by_ray.cluster.deploy(config)
    deadline = time.monotonic() + 150
    while f"and {'0' * 64} is expected" not in json.dumps(served_by_ray.cluster.details()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    load.wait_for(4)
    assert set(versions_answered(load)) == {"1.0"}
    described = served_by_ray.management.versions("coins")
    assert [(one.version, one.is_ready) for one in described] == [
        ("1.0", True),
        ("2.0", True),
        ("3.0", False),
        ("4.0", False),
    ]
    assert [served_by_ray.cluster.pids(one) for one in ("gateway", "coins@1.0")] == others
    served_by_ray.cluster.deploy(served_by_ray.config)
    load.wait_for(4)
    versions_answered(load)


def test_its_versions_are_not_moved_over_http(served_by_ray):
    """So `python -m client models` says that, and not how TorchServe's model API is turned on."""
    for check in ("check_changes", "check_model_api"):
        with pytest.raises(ReadOnlyManagement, match=r"docs/ray\.md"):
            getattr(served_by_ray.management, check)()
