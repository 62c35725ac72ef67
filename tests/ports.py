"""Ports that nobody uses."""

import contextlib
import socket


def unused_ports(count: int) -> list[int]:
    """Ports that are free now; all are open at once while they are looked for, so none is twice."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
