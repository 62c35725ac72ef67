"""Ask a server about the models that it serves."""

from dataclasses import dataclass

from client.http import TIMEOUT_S, send


@dataclass(frozen=True)
class ManagementClient:
    """A server's management API.

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
        document = send(
            "GET", f"{self.url}/models?limit=1000", token=self.token, timeout_s=self.timeout_s
        )
        return [model["modelName"] for model in document["models"]]

    def worker_states(self, model: str) -> list[str]:
        """The state of each worker of a model's default version; `READY` is the one that answers.

        This is the readiness that counts: `/ping` answers Healthy while models still load, and
        while they fail to.

        Raises:
            client.errors.ClientError: No answer, or no such model.
        """
        document = send(
            "GET", f"{self.url}/models/{model}", token=self.token, timeout_s=self.timeout_s
        )
        return [worker["status"] for worker in document[0]["workers"]]
