"""A TorchServe for some archives, with the shipped settings on ports of its own."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import ArmUnavailable
from benchmarks.http import Endpoint
from benchmarks.processes import Tree, started_by
from client.http import send
from server.errors import ServerError
from server.ports import with_free_ports
from server.properties import addresses, read_properties, write_properties
from server.torchserve import TorchServe

_SHIPPED = Path(__file__).parents[2] / "config.properties"
_POLL_S = 0.1
_READY_S = 600.0

NAIVE_LIMITS = {
    "max_response_size": "1073741824",
    "vmargs": "-Xmx6g -XX:+ExitOnOutOfMemoryError",
}
"""What N1 needs besides: masks as lists are a thousand times as large as run lengths."""


@dataclass(frozen=True)
class Serving:
    """A server whose models are ready.

    Attributes:
        server: It.
        tree: Its processes.
        seconds_to_ready: From the start of the server until the last model answered.
    """

    server: TorchServe
    tree: Tree
    seconds_to_ready: float

    def endpoint(self, model: str) -> Endpoint:
        """Where a model answers."""
        host, port = addresses(self.server.properties)["inference_address"]
        token = self.server.inference.token
        headers = {"Content-Type": "image/jpeg"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return Endpoint(host, port, f"/predictions/{model}", headers)

    def workers(self, model: str) -> list[int]:
        """Process numbers of a model's workers."""
        management = self.server.management
        url = f"{management.url}/models/{model}"
        document = send("GET", url, token=management.token)
        return [int(worker["pid"]) for worker in document[0]["workers"]]


@contextmanager
def serving(
    archives: Mapping[str, Path],
    folder: Path,
    *,
    threads: int,
    limits: Mapping[str, str] | None = None,
) -> Iterator[Serving]:
    """Start a server and wait until all its models are ready; stop it after the block.

    Args:
        archives: By the name to serve each under; all in one folder.
        folder: A new folder where the server runs.
        threads: Of torch, in each worker.
        limits: Settings that differ from the shipped ones.

    Raises:
        ArmUnavailable: It does not start here; says why.
    """
    folder.mkdir(parents=True)
    config = folder / "config.properties"
    write_properties(config, with_free_ports({**read_properties(_SHIPPED), **(limits or {})}))
    (store,) = {archive.parent for archive in archives.values()}
    with contextlib.ExitStack() as stack:
        output = stack.enter_context((folder / "output.log").open("wb"))
        server = TorchServe(
            config=config,
            model_store=store,
            models=[f"{name}={archive.name}" for name, archive in archives.items()],
            work_dir=folder / "run",
            output=output,
        )
        start = time.perf_counter()
        try:
            with started_by() as tree, _environment(OMP_NUM_THREADS=str(threads)):
                stack.enter_context(server)
            for name in archives:
                _wait(server, name)
        except ServerError as error:
            raise ArmUnavailable(str(error)) from error
        yield Serving(server, tree, time.perf_counter() - start)


def _wait(server: TorchServe, model: str) -> None:
    """As `TorchServe.wait_until_ready`, which looks twice a second: too seldom to time a start."""
    deadline = time.monotonic() + _READY_S
    while not server.is_ready(model):
        if server.has_ended(within_s=_POLL_S):
            raise ServerError(f"TorchServe ended: {_tail(server)}")
        if failure := server.load_failure(model):
            raise ServerError(f'Model "{model}" failed to load: {failure}')
        if time.monotonic() > deadline:
            raise ServerError(f'Model "{model}" was not ready in {_READY_S:.0f} s: {_tail(server)}')


def _tail(server: TorchServe) -> str:
    lines = server.log_since_start("ts_log.log").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for processes that are started inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
