"""TorchServe's `config.properties`: read it, change lines of it, see where it will listen."""

import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from server.errors import ServerError

_HTTP = ("inference_address", "management_address", "metrics_address")
_GRPC = ("grpc_inference", "grpc_management")
METRICS = "metrics_config"

Properties = dict[str, str]


def read_properties(path: Path) -> Properties:
    """Read `key=value` lines; lines that begin with # are comments.

    TorchServe reads more, such as `key: value` and lines that end in a backslash. What only it
    understands it alone acts on.

    TorchServe looks for a relative `metrics_config` where it runs; here it is found beside the
    file, wherever the server runs.

    Raises:
        ServerError: Unreadable.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ServerError(f"{path} cannot be read: {error}.") from error
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    properties = {key.strip(): value.strip() for key, value in pairs}
    if metrics := properties.get(METRICS):
        properties[METRICS] = str(path.resolve().parent / metrics)
    return properties


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    """Write a file that `read_properties` and TorchServe read."""
    path.write_text("".join(f"{k}={v}\n" for k, v in properties.items()), encoding="utf-8")


def addresses(properties: Properties) -> dict[str, tuple[str, int]]:
    """Host and port of each of TorchServe's five listeners, by the key that sets it."""
    missing = [
        key
        for key in (*_HTTP, *(f"{key}_{part}" for key in _GRPC for part in ("address", "port")))
        if key not in properties
    ]
    if missing:
        raise ServerError(f"config.properties does not say {', '.join(missing)}.")
    found = {}
    for key in _HTTP:
        url = urlsplit(properties[key])
        found[key] = (str(url.hostname), int(url.port or 80))
    for key in _GRPC:
        found[f"{key}_port"] = (properties[f"{key}_address"], int(properties[f"{key}_port"]))
    return found


def check_ports_free(properties: Properties) -> None:
    """See that every listener can be opened.

    Raises:
        ServerError: Every port that is taken, and which keys to change.
    """
    taken = [
        f"{host}:{port} ({key})"
        for key, (host, port) in addresses(properties).items()
        if not _is_free(host, port)
    ]
    if taken:
        raise ServerError(
            f"In use by another program: {', '.join(taken)}. "
            "Stop that program, or give other ports in config.properties."
        )


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server itself does: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
