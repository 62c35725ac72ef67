"""The containers of a rendered pod as its node would run them, without a node.

They are confined as tests.deploy.docker.confined does it, each with its own root and user, in one
network. Images are this machine's: its nginx, and the repository's files with `.venv`.
"""

import base64
import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.docker.confined import Confined, confined
from tests.deploy.docker.conftest import PATH
from tests.deploy.docker.dockerfile import Stage
from tests.deploy.kubernetes.conftest import Objects, of_kind, the
from tests.tools.debian import command

EMPTY_DIR = "mode=0777"
"""What a kubelet makes; programs in it may be run."""


@dataclass(frozen=True)
class Pod:
    """A running pod.

    Attributes:
        spec: Its part of the Deployment.
        server: The container of that name.
        proxy: The sidecar.
    """

    spec: dict[str, Any]
    server: Confined
    proxy: Confined

    def probe(self, kind: str) -> tuple[int, str]:
        """Run the command of one of the server's probes, once: its exit code and what it said."""
        (container,) = self.spec["containers"]
        result = self.server.execute(*container[kind]["exec"]["command"])
        return result.returncode, result.stdout + result.stderr


@contextlib.contextmanager
def running(
    objects: Objects, *, app: Path, stage: Stage, models: Path, scratch: Path
) -> Iterator[Pod]:
    """Run the pod of a Deployment, until the block ends.

    Args:
        objects: Rendered; ConfigMaps and Secrets are mounted from them.
        app: What the image has in /app.
        stage: The image's stage that says how it is started.
        models: Folder of archives.
        scratch: An empty folder of this machine.
    """
    spec = the(objects, "Deployment")["spec"]["template"]["spec"]
    (sidecar,), (container,) = spec["initContainers"], spec["containers"]
    files = _files(objects, spec, scratch / "volumes")
    image = {"/app": app, "/opt/venv": Path(sys.prefix)}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            confined(
                [*stage.exec_form("ENTRYPOINT"), *container["args"]],
                folder=container["workingDir"],
                environment=stage.environment(PATH=PATH),
                read_only={**image, **_mounted(container, {**files, "archives": models})},
                tmpfs=_empty_dirs(container, spec),
                scratch=scratch / "server",
                user=spec["securityContext"]["runAsUser"],
            )
        )
        programs, environment = _nginx()
        proxy = stack.enter_context(
            confined(
                sidecar["command"],
                folder="/",
                environment=environment,
                read_only={**programs, **_mounted(sidecar, files)},
                tmpfs=_empty_dirs(sidecar, spec),
                scratch=scratch / "proxy",
                user=sidecar["securityContext"]["runAsUser"],
                network=server,
            )
        )
        yield Pod(spec, server, proxy)


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


def _mounted(container: dict[str, Any], sources: dict[str, Path]) -> dict[str, Path]:
    return {
        one["mountPath"]: sources[one["name"]]
        for one in container["volumeMounts"]
        if one.get("readOnly")
    }


def _empty_dirs(container: dict[str, Any], spec: dict[str, Any]) -> dict[str, str]:
    empty = {one["name"] for one in spec["volumes"] if "emptyDir" in one}
    return {
        one["mountPath"]: EMPTY_DIR for one in container["volumeMounts"] if one["name"] in empty
    }


def _nginx() -> tuple[dict[str, Path], dict[str, str]]:
    """Folders that this machine's nginx needs, and how it is found in them."""
    *line, program = command("nginx")
    folders = [Path(program).parent]
    environment = {"PATH": f"{Path(program).parent}:{PATH}"}
    for library in re.findall(r"LD_LIBRARY_PATH=(\S+)", " ".join(line)):
        environment["LD_LIBRARY_PATH"] = library
        folders += [Path(one) for one in library.split(":")]
    # What lies in /usr is there already.
    return {str(one): one for one in folders if Path("/usr") not in one.parents}, environment
