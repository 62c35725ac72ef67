"""One way to send a request: time-outs and tokens always set, errors in sentences."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from client.errors import ClientError, RequestRefused, ServerUnreachable

KEY_FILE = "key_file.json"
TIMEOUT_S = 120.0


def read_key(folder: Path, api: str) -> str | None:
    """The token of one of TorchServe's APIs.

    Args:
        folder: Where the server was started; it writes `key_file.json` there.
        api: `inference` or `management`.

    Returns:
        The token, or None where there is no file: the server runs without tokens.
    """
    file = folder / KEY_FILE
    if not file.is_file():
        return None
    try:
        key = json.loads(file.read_text(encoding="utf-8"))[api]["key"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{file} is not a key file of TorchServe: {error!r}.") from error
    return str(key)


def send(
    method: str,
    url: str,
    *,
    token: str | None = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """Send a request and read its JSON answer.

    Raises:
        ServerUnreachable: No connection, or no answer within `timeout_s`.
        RequestRefused: Any status but 2xx.
        ClientError: An answer that is not JSON.
    """
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        response = requests.request(
            method,
            url,
            data=data,
            headers={**(headers or {}), **authorization},
            timeout=timeout_s,
        )
    except requests.RequestException as error:
        raise ServerUnreachable(f"No answer from {url}: {error}") from error
    try:
        document = response.json()
    except ValueError:
        document = None
    if not response.ok:
        details = document if isinstance(document, dict) else {}
        raise RequestRefused(
            response.status_code,
            details.get("type", response.reason),
            details.get("message", "the server gave no reason"),
        )
    if document is None:
        raise ClientError(f"{url} answered with something else than JSON.")
    return document
