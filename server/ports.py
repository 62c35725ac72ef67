"""Ports that nobody uses."""

import contextlib
import secrets
import socket

from server.properties import Properties

_OURS = range(10_000, 32_768)
"""Where Linux, macOS and Windows take no ports for connections: a server needs seconds until it
listens, and meanwhile any connection on the machine could get its port.
"""


def unused_ports(count: int) -> list[int]:
    """Ports that are free now; all are open at once while they are looked for, so none is twice."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        # Of the system's chance: processes that were given the same seed look in other places.
        for port in secrets.SystemRandom().sample(_OURS, min(100 * count, len(_OURS))):
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # it is taken
                one.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"{count} free ports were looked for within {_OURS}, {len(found)} are there.")


def with_free_ports(properties: Properties) -> Properties:
    """The same settings, listening on ports that nobody uses."""
    inference, management, metrics, grpc_inference, grpc_management = unused_ports(5)
    return {
        **properties,
        "inference_address": f"http://127.0.0.1:{inference}",
        "management_address": f"http://127.0.0.1:{management}",
        "metrics_address": f"http://127.0.0.1:{metrics}",
        "grpc_inference_port": str(grpc_inference),
        "grpc_management_port": str(grpc_management),
        "initial_worker_port": "9500",
    }
