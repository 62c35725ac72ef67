"""The containers of a rendered pod as its node would run them, without a node.

They are confined as tests.deploy.docker.confined does it, each with its own root and user, in one
network. Images are this machine's: its nginx, and the repository's files with `.venv`.
"""

import base64
import contextlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.docker.confined import Confined, confined
from tests.deploy.docker.conftest import PATH
from tests.deploy.docker.dockerfile import Stage
from tests.deploy.kubernetes.objects import Objects, of_kind, the
from tests.tools.debian import command

HOST = "192.0.2.1"
"""The pod's address in its network."""

EMPTY_DIR = "mode=0777"
"""What a kubelet makes; programs in it may be run."""


@dataclass(frozen=True)
class Image:
    """The server's image.

    Attributes:
        app: What it has in /app.
        stage: Of the Dockerfile, which says how it is started.
    """

    app: Path
    stage: Stage

    def read_only(self) -> dict[str, Path]:
        return {"/app": self.app, "/opt/venv": Path(sys.prefix)}


@dataclass(frozen=True)
class Pod:
    """A running pod.

    Attributes:
        spec: Its part of the Deployment, or the ServingRuntime.
        server: The container that serves.
        proxy: The sidecar; None where KServe has its own.
    """

    spec: dict[str, Any]
    server: Confined
    proxy: Confined | None = None

    def probe(self, kind: str) -> tuple[int, str]:
        """Run the command of one of the server's probes, once: its exit code and what it said."""
        (container,) = self.spec["containers"]
        result = self.server.execute(*container[kind]["exec"]["command"])
        return result.returncode, result.stdout + result.stderr


@contextlib.contextmanager
def running(objects: Objects, *, image: Image, models: Path, scratch: Path) -> Iterator[Pod]:
    """Run the pod of a Deployment, until the block ends.

    Args:
        objects: Rendered; ConfigMaps and Secrets are mounted from them.
        image: Of the server.
        models: Folder of archives.
        scratch: An empty folder of this machine.
    """
    spec = the(objects, "Deployment", "torchserve")["spec"]["template"]["spec"]
    (sidecar,), (container,) = spec["initContainers"], spec["containers"]
    volumes = {**_files(objects, spec, scratch / "volumes"), "archives": models}
    user = spec["securityContext"]["runAsUser"]
    with (
        _server(container, spec, volumes, image, user, scratch) as server,
        _sidecar(sidecar, spec, volumes, server, scratch) as proxy,
    ):
        yield Pod(spec, server, proxy)


@contextlib.contextmanager
def serving(objects: Objects, *, image: Image, models: Path, scratch: Path) -> Iterator[Pod]:
    """Run the container of a ServingRuntime over what KServe would put into /mnt/models."""
    spec = the(objects, "ServingRuntime")["spec"]
    (container,) = spec["containers"]
    volumes = _files(objects, spec, scratch / "volumes")
    user = container["securityContext"]["runAsUser"]
    with _server(
        container, spec, volumes, image, user, scratch, **{"/mnt/models": models}
    ) as server:
        yield Pod(spec, server)


def wait_until_ready(pod: Pod, probe: str) -> None:
    end = time.monotonic() + 180
    while pod.probe(probe)[0] != 0:
        assert time.monotonic() < end, pod.server.said()
        assert pod.server.process.poll() is None, pod.server.said()


def worker(pod: Pod) -> int:
    """Number of the process of its only worker."""
    process = pod.server.family()[-1]
    assert "model_service_worker.py" in " ".join(process.cmdline())
    return process.pid


def _server(
    container: dict[str, Any],
    spec: dict[str, Any],
    volumes: dict[str, Path],
    image: Image,
    user: int,
    scratch: Path,
    **read_only: Path,
) -> contextlib.AbstractContextManager[Confined]:
    return confined(
        [*image.stage.exec_form("ENTRYPOINT"), *container["args"]],
        folder=container["workingDir"],
        environment=image.stage.environment(PATH=PATH),
        read_only={**image.read_only(), **_mounted(container, volumes), **read_only},
        tmpfs=_empty_dirs(container, spec),
        scratch=scratch / "server",
        user=user,
    )


def _sidecar(
    container: dict[str, Any],
    spec: dict[str, Any],
    volumes: dict[str, Path],
    server: Confined,
    scratch: Path,
) -> contextlib.AbstractContextManager[Confined]:
    *environment, program = command("nginx")
    libraries = re.findall(r"LD_LIBRARY_PATH=(\S+)", " ".join(environment))
    folders = [Path(program).parent, *(Path(one) for text in libraries for one in text.split(":"))]
    # A checkout may lie in /tmp, where the pod has a volume.
    places = {f"/opt/nginx/{number}": folder for number, folder in enumerate(folders)}
    programs, *rest = places
    return confined(
        container["command"],
        folder="/",
        environment={"PATH": f"{programs}:{PATH}", "LD_LIBRARY_PATH": ":".join(rest)},
        read_only={**places, **_mounted(container, volumes)},
        tmpfs=_empty_dirs(container, spec),
        scratch=scratch / "proxy",
        user=container["securityContext"]["runAsUser"],
        network=server,
    )


def _files(objects: Objects, spec: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Folders with the files of ConfigMaps and Secrets, by the names of their volumes."""
    found = {}
    for volume in spec["volumes"]:
        if "configMap" in volume:
            config = the(objects, "ConfigMap", volume["configMap"]["name"])
            contents = {name: text.encode() for name, text in config["data"].items()}
        elif "secret" in volume and of_kind(objects, "Secret"):
            secret = the(objects, "Secret", volume["secret"]["secretName"])
            contents = {name: base64.b64decode(text) for name, text in secret["data"].items()}
        else:
            continue
        found[volume["name"]] = folder / volume["name"]
        found[volume["name"]].mkdir(parents=True)
        for name, content in contents.items():
            (found[volume["name"]] / name).write_bytes(content)
    return found


def _mounted(container: dict[str, Any], volumes: dict[str, Path]) -> dict[str, Path]:
    return {
        one["mountPath"]: volumes[one["name"]]
        for one in container["volumeMounts"]
        if one.get("readOnly")
    }


def _empty_dirs(container: dict[str, Any], spec: dict[str, Any]) -> dict[str, str]:
    empty = {one["name"] for one in spec["volumes"] if "emptyDir" in one}
    return {
        one["mountPath"]: EMPTY_DIR for one in container["volumeMounts"] if one["name"] in empty
    }
