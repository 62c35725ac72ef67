"""Three nodes on this machine; run by `make cluster`, and not by `make test`."""

import datetime
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from tests.deploy.ray.conftest import ray_store, serve_store
from tests.deploy.ray.running import RayCluster, RayServed

__all__ = ["ray_store"]

Record = Callable[[str, dict[str, Any]], None]
RESULTS = Path(__file__).parents[2] / "deploy" / "ray" / "results"


@pytest.fixture(scope="module")
def three_nodes(ray_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayServed]:
    """A cluster of three nodes that serves the store, a gateway on each."""
    folder = tmp_path_factory.mktemp("three")
    with RayCluster(nodes=3, cpus=3, log=folder / "ray.log") as cluster:
        yield serve_store(cluster, ray_store, key_file=folder / "key", gateways=3)


@pytest.fixture(scope="session")
def record() -> Record:
    """Writes what was measured, for documents to cite: a file for each subject."""

    def write(subject: str, measured: dict[str, Any]) -> None:
        RESULTS.mkdir(exist_ok=True)
        about = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "ray": ray.__version__,
        }
        text = json.dumps({**about, **measured}, indent=2)
        (RESULTS / f"{subject}.json").write_text(f"{text}\n")

    return write
