"""Ask a served model about an image."""

from dataclasses import dataclass

from client.detections import Detections
from client.http import TIMEOUT_S, send


@dataclass(frozen=True)
class InferenceClient:
    """A server's inference API.

    Attributes:
        url: Such as `http://127.0.0.1:8080`.
        token: The inference key of `key_file.json`, or None.
        timeout_s: Longest wait for an answer.
    """

    url: str
    token: str | None = None
    timeout_s: float = TIMEOUT_S

    def predict(self, image_bytes: bytes, *, model: str, version: str | None = None) -> Detections:
        """Send one encoded image.

        Args:
            image_bytes: A JPEG, PNG, ... file's content.
            model: Name of the served model.
            version: Its version, or None for the server's default version.

        Raises:
            client.errors.ClientError: No answer, or an error for an answer.
        """
        path = f"{model}/{version}" if version else model
        document = send(
            "POST",
            f"{self.url}/predictions/{path}",
            token=self.token,
            data=image_bytes,
            # Without a type some clients say form-urlencoded, which TorchServe tries to parse.
            headers={"Content-Type": "application/octet-stream"},
            timeout_s=self.timeout_s,
        )
        return Detections.from_native(document)
