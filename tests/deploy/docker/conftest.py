"""The Dockerfile's server as it runs in a container; there is no container engine here."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.deploy.docker.confined import Confined, confined, why_not
from tests.deploy.docker.dockerfile import Stage, read_dockerfile

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="session")
def docker(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "deploy" / "docker"


@pytest.fixture(scope="session")
def stages(docker: Path) -> dict[str, Stage]:
    return read_dockerfile(docker / "Dockerfile")


@pytest.fixture(scope="session")
def compose(docker: Path) -> dict:
    return yaml.safe_load((docker / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def tmpfs(compose: dict) -> dict[str, str]:
    """Compose's folders in memory and their options, those left out as Docker has them."""
    found = {}
    for line in compose["services"]["server"]["tmpfs"]:
        folder, _, options = line.partition(":")
        plain = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", options)
        found[folder] = ",".join(["nosuid", "nodev", "noexec", *plain.split(",")])
    return found


@pytest.fixture(scope="session")
def app(
    pytestconfig: pytest.Config, stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the image has in /app: the files of its COPY lines, and what its RUN makes of them."""
    folder = tmp_path_factory.mktemp("image") / "app"
    folder.mkdir(mode=0o755)
    for sources, destination in stages["server"].copies():
        for source in sources:
            origin, target = pytestconfig.rootpath / source, folder / destination
            if origin.is_dir():
                shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, target)
    (command,) = [run for run in stages["server"].values("RUN") if "config.properties" in run]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-ec", command], cwd=folder, env={"PATH": path}, check=True)
    return folder


Run = Callable[..., contextlib.AbstractContextManager[Confined]]


@pytest.fixture
def run(app: Path, stages: dict[str, Stage], tmpfs: dict[str, str], tmp_path: Path) -> Run:
    """Runs the image's entrypoint over a folder of archives; use it with `with`."""
    if reason := why_not():
        pytest.skip(f"needs root and namespaces: {reason}")
    stage = stages["server"]

    def start(
        models: Path, *arguments: str, tmpfs: dict[str, str] = tmpfs
    ) -> contextlib.AbstractContextManager[Confined]:
        return confined(
            [*stage.exec_form("ENTRYPOINT"), *arguments],
            folder=stage.values("WORKDIR")[-1],
            environment=stage.environment(PATH=PATH),
            read_only={"/app": app, "/opt/venv": Path(sys.prefix), "/models": models},
            tmpfs=tmpfs,
            scratch=tmp_path / "container",
        )

    return start
