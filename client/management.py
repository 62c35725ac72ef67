"""Ask a server about the models that it serves, and change them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from client.errors import ModelApiOff, ReadOnlyManagement, RequestRefused
from client.http import TIMEOUT_S, send

READY = "READY"
_BAD_REQUEST, _NOT_FOUND, _METHOD_NOT_ALLOWED = 400, 404, 405
_NO_MODEL = "-"
"""Nothing that can be exported is called so: models' names begin with a letter."""


@dataclass(frozen=True)
class Worker:
    """One process that answers.

    Attributes:
        id: TorchServe's number of it.
        status: `READY` is the one that answers.
        pid: Its process id on the server's machine; 0 where TorchServe does not know it yet.
    """

    id: str
    status: str
    pid: int


@dataclass(frozen=True)
class ServedVersion:
    """A registered version of a model, as the server describes it.

    Attributes:
        model: Its name.
        version: Literally.
        archive: File name in the model store.
        workers: Its processes.
        min_workers: As many as TorchServe keeps.
        max_workers: As many as it may have.
        pending: Requests that no worker has taken yet.
        response_timeout_s: A worker that takes longer over a batch is killed.
    """

    model: str
    version: str
    archive: str
    workers: tuple[Worker, ...]
    min_workers: int
    max_workers: int
    pending: int
    response_timeout_s: float

    @property
    def is_ready(self) -> bool:
        """Whether all workers that it should have answer, and one at least."""
        ready = sum(worker.status == READY for worker in self.workers)
        return ready == len(self.workers) and ready >= max(self.min_workers, 1)

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> "ServedVersion":
        """Read an element of what `GET /models/NAME` answers."""
        workers = described["workers"]
        return cls(
            model=described["modelName"],
            version=described["modelVersion"],
            archive=described["modelUrl"],
            workers=tuple(Worker(w["id"], w["status"], int(w.get("pid") or 0)) for w in workers),
            min_workers=described["minWorkers"],
            max_workers=described["maxWorkers"],
            pending=described.get("jobQueueStatus", {}).get("pendingRequests", 0),
            response_timeout_s=described["responseTimeout"],
        )


@dataclass(frozen=True)
class ManagementClient:
    """A server's management API; whatever is asked raises `client.errors.ClientError`.

    Attributes:
        url: Such as `http://127.0.0.1:8081`.
        token: The management key of `key_file.json`, or None.
        timeout_s: Longest wait for an answer.
    """

    url: str
    token: str | None = None
    timeout_s: float = TIMEOUT_S

    def models(self) -> list[str]:
        """Names of the registered models."""
        document = self._send("GET", "?limit=1000")
        return [model["modelName"] for model in document["models"]]

    def worker_states(self, model: str) -> list[str]:
        """The state of each worker of a model's default version; `READY` is the one that answers.

        This is the readiness that counts: `/ping` answers Healthy while models still load, and
        while they fail to.

        Raises:
            client.errors.ClientError: No answer, or no such model.
        """
        return [worker.status for worker in self.version(model).workers]

    def version(self, model: str, version: str | None = None) -> ServedVersion:
        """One version of a model; without a version the default one."""
        return ServedVersion.from_description(self._send("GET", _path(model, version))[0])

    def versions(self, model: str) -> list[ServedVersion]:
        """All registered versions of a model."""
        described = self._send("GET", _path(model, "all"))
        return [ServedVersion.from_description(one) for one in described]

    def ask_itself(
        self, model: str, version: str | None = None, *, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """What a version says of itself.

        The question waits in the queue of its requests, and a worker answers it when it has
        answered all that it took before.
        """
        path = f"{_path(model, version)}?customized=true"
        described = self._send("GET", path, timeout_s=timeout_s)[0]
        found: dict[str, Any] = described.get("customizedMetadata") or {}
        return found

    def check_changes(self) -> None:
        """See that workers and the default version can be changed; changes nothing.

        TorchServe takes `PUT` with its model API off as well.

        Raises:
            ReadOnlyManagement: Another server, which takes no changes over HTTP.
            client.errors.ClientError: No answer, or a wrong key.
        """
        try:
            self._send("PUT", _path(_NO_MODEL, None))
        except RequestRefused as error:
            if error.status == _METHOD_NOT_ALLOWED:
                raise ReadOnlyManagement(self.url) from error
            if error.status != _NOT_FOUND:
                raise

    def check_model_api(self) -> None:
        """See that versions can be registered and unregistered; changes nothing.

        Raises:
            ModelApiOff: They cannot.
            ReadOnlyManagement: Another server, which takes no changes over HTTP.
            client.errors.ClientError: No answer, or a wrong key.
        """
        try:
            self._change("POST", "")  # without the archive that it would register
        except RequestRefused as error:
            if (error.status, error.type) != (_BAD_REQUEST, "BadRequestException"):
                raise

    def register(self, archive: str, *, workers: int, timeout_s: float) -> None:
        """Register an archive of the model store and wait until its workers have loaded it.

        Args:
            archive: File name; TorchServe looks for no folders.
            workers: How many to start where its model-config.yaml does not say.
            timeout_s: Longest wait.

        Raises:
            ModelApiOff: The server registers nothing.
            client.errors.ClientError: No answer, or it could not be loaded: TorchServe has then
                removed it already.
        """
        query = {"url": archive, "initial_workers": str(workers), "synchronous": "true"}
        self._change("POST", f"?{urlencode(query)}", timeout_s=timeout_s)

    def scale(self, model: str, version: str | None, *, workers: int, timeout_s: float) -> None:
        """Give a version so many workers; wait until new ones have loaded it.

        TorchServe ends surplus workers at once, in the middle of a request where they have one.
        """
        query = {"min_worker": workers, "max_worker": max(workers, 1), "synchronous": "true"}
        self._send("PUT", f"{_path(model, version)}?{urlencode(query)}", timeout_s=timeout_s)

    def set_default(self, model: str, version: str) -> None:
        """Send requests that name no version to this one from now on; one step, none is lost."""
        self._send("PUT", f"{_path(model, version)}/set-default")

    def unregister(self, model: str, version: str) -> None:
        """Remove a version at once; what it has not answered yet is lost.

        Raises:
            ModelApiOff: The server unregisters nothing.
            client.errors.ClientError: No answer, no such version, or the default one of several.
        """
        self._change("DELETE", _path(model, version))

    def _change(self, method: str, path: str, *, timeout_s: float | None = None) -> None:
        try:
            self._send(method, path, timeout_s=timeout_s)
        except RequestRefused as error:
            if error.status == _METHOD_NOT_ALLOWED:
                self.check_changes()
                raise ModelApiOff from error
            raise

    def _send(self, method: str, path: str, *, timeout_s: float | None = None) -> Any:
        return send(
            method,
            f"{self.url}/models{path}",
            token=self.token,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
        )


def _path(model: str, version: str | None) -> str:
    parts = [model] if version is None else [model, version]
    return "".join(f"/{quote(part, safe='')}" for part in parts)
