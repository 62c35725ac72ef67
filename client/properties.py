"""TorchServe's `config.properties`, as far as callers need it: where the server listens."""

from pathlib import Path
from urllib.parse import urlsplit

from client.errors import ClientError

_DEFAULTS = {
    "inference_address": "http://127.0.0.1:8080",
    "management_address": "http://127.0.0.1:8081",
}
_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


def read_properties(path: Path) -> dict[str, str]:
    """Read `key=value` lines as TorchServe does; lines that begin with # are comments.

    Raises:
        ClientError: Unreadable.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ClientError(f"{path} cannot be read: {error}.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def address(properties: dict[str, str], api: str) -> str:
    """Where an API is reached from the server's own machine.

    Args:
        properties: Of a `config.properties`.
        api: `inference` or `management`.
    """
    key = f"{api}_address"
    url = urlsplit(properties.get(key, _DEFAULTS[key]))
    host = url.netloc.removesuffix(f":{url.port}")
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{_ANY.get(host, host)}{port}"
