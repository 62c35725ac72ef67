"""Ask any model of ours about an image, without knowing what else it takes."""

import base64
import json

from client.errors import RequestRefused
from client.http import Answer, exchange

_WHOLE_IMAGE = [0, 0, 1_000_000, 1_000_000]


def probe(
    url: str,
    image_bytes: bytes,
    *,
    model: str,
    version: str | None = None,
    token: str | None,
    timeout_s: float,
) -> Answer:
    """Send one encoded image, to a model that looks in given boxes with the whole of it as its box.

    Args:
        url: Of the inference API.
        image_bytes: A JPEG, PNG, ... file's content.
        model: Name of the served model.
        version: Its version, or None for the default one.
        token: The inference key, or None.
        timeout_s: Longest wait for an answer.

    Raises:
        client.errors.ClientError: No answer, or an error for an answer.
    """
    path = f"{url}/predictions/{model}" + (f"/{version}" if version else "")

    def post(body: bytes, content_type: str) -> Answer:
        headers = {"Content-Type": content_type}
        return exchange("POST", path, token=token, data=body, headers=headers, timeout_s=timeout_s)

    try:
        return post(image_bytes, "application/octet-stream")
    except RequestRefused as error:
        if error.type != "InvalidOption" or "proposals" not in str(error):
            raise
    question = {"image": base64.b64encode(image_bytes).decode(), "proposals": [_WHOLE_IMAGE]}
    return post(json.dumps(question).encode(), "application/json")
