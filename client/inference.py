"""Where a server's inference API is."""

from dataclasses import dataclass

from client.detector import Detector
from client.http import TIMEOUT_S
from client.patience import Patience


@dataclass(frozen=True)
class InferenceApi:
    """A server's inference API.

    Attributes:
        url: Such as `http://127.0.0.1:8080`.
        token: The inference key of `key_file.json`, or None.
        timeout_s: Longest wait for an answer.
    """

    url: str
    token: str | None = None
    timeout_s: float = TIMEOUT_S

    def detector(self, model: str, version: str | None = None) -> Detector:
        """What asks a model; each request once, whatever becomes of it.

        Args:
            model: Name of the served model.
            version: Its version, or None for the server's default version.
        """
        return Detector(
            self.url,
            model,
            version=version,
            token=self.token or "",
            timeout_s=self.timeout_s,
            patience=Patience(total_s=0),
        )
