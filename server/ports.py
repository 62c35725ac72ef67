"""Ports that nobody uses."""

import contextlib
import socket

from server.properties import Properties


def unused_ports(count: int) -> list[int]:
    """Ports that are free now; all are open at once while they are looked for, so none is twice."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


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
