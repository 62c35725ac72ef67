"""What these tests and those of tests/cluster serve on Ray: the same as the shared TorchServe."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.ray.serve_config import Listening, Shape, make_config
from tests.deploy.ray.running import RayCluster, RayServed
from torture.variants import WEIGHTS, make_variant, nudged_weights

KEY = "the-key-of-these-tests"


@pytest.fixture(scope="session")
def ray_store(coins: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of `served` in tests/conftest.py."""
    folder = tmp_path_factory.mktemp("ray-store")
    shutil.copy(coins, folder)
    make_variant(coins, folder / "coins-2.mar", "2.0", {WEIGHTS: nudged_weights(1.7)})
    shutil.copy(store / "tiny.mar", folder)
    edits = {"model-config.yaml": in_batches}
    make_variant(store / "tiny.mar", folder / "batched.mar", "1.0", edits, model="batched")
    return folder


def in_batches(model_config: bytes) -> bytes:
    """Batches of four that wait to fill, and small images alone."""
    settings = yaml.safe_load(model_config)
    settings |= {"batchSize": 4, "maxBatchDelay": 5000}
    settings["detectron2"] = {"max_image_pixels": 20_000}
    return yaml.safe_dump(settings).encode()


def serve_store(cluster: RayCluster, store: Path, *, key_file: Path, gateways: int) -> RayServed:
    """Serve all archives of a store, and wait until they answer."""
    key_file.write_text(f"{KEY}\n")
    settings = {
        "shape": Shape(gateways=gateways, cpus=1),
        "listening": Listening(port=cluster.port, key_file=str(key_file)),
    }
    config = make_config(str(store), defaults={"coins": "1.0"}, **settings)
    cluster.deploy(config)
    cluster.wait_until_running(len(config["applications"]))
    return RayServed(cluster, KEY, config, settings)


@pytest.fixture(scope="package")
def served_by_ray(ray_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayServed]:
    """A node that serves the store."""
    folder = tmp_path_factory.mktemp("ray")
    with RayCluster(nodes=1, cpus=6, log=folder / "ray.log") as cluster:
        yield serve_store(cluster, ray_store, key_file=folder / "key", gateways=1)
