"""Clients that do not keep to what clients do: they send a part, slowly, or go away."""

import contextlib
import re
import socket
import struct
import time

from torture.load import Outcome
from torture.served import Served

_CONNECT_S = 10.0
_ANSWER_S = 60.0
_ABORT = struct.pack("ii", 1, 0)  # linger on, no time: closing sends a reset


def request_head(served: Served, length: int) -> bytes:
    """What goes before a body of so many bytes."""
    host, port = served.address
    lines = [
        f"POST {served.url.partition(f':{port}')[2]} HTTP/1.1",
        f"Host: {host}:{port}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {length}",
        "Connection: close",
    ]
    if token := served.token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def connect(served: Served) -> socket.socket:
    """A connection to the inference port."""
    return socket.create_connection(served.address, _CONNECT_S)


def hang_up(served: Served, body: bytes, *, part: float, wait_s: float, reset: bool) -> None:
    """Send a part of a request and go away.

    Args:
        served: Whom.
        body: An encoded image.
        part: How much of it is sent, 0 to 1.
        wait_s: How long is waited before.
        reset: Whether the connection is broken off, as by a process that dies; else it is closed.
    """
    with connect(served) as connection:
        connection.sendall(request_head(served, len(body)) + body[: int(part * len(body))])
        time.sleep(wait_s)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)


def drip(served: Served, body: bytes, *, seconds: int, image: int) -> tuple[Outcome, bytes]:
    """Send a request whose last bytes come one a second.

    Returns:
        What became of it, without its document, and what was answered, head and body.
    """
    start = time.monotonic()
    answer = b""
    with contextlib.suppress(OSError), connect(served) as connection:  # what came says enough
        fast, slow = body[:-seconds], body[-seconds:]
        connection.sendall(request_head(served, len(body)) + fast)
        for number in range(seconds):
            time.sleep(1)
            connection.sendall(slow[number : number + 1])
        connection.settimeout(_ANSWER_S)
        while not _is_whole(answer) and (piece := connection.recv(1 << 16)):
            answer += piece
    status = int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0
    return Outcome(image, start, time.monotonic() - start, status, None), answer


def _is_whole(answer: bytes) -> bool:
    """TorchServe keeps connections open, whatever the request says of them."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length:\s*(\d+)", head, re.MULTILINE)
    return bool(ended and length and len(body) >= int(length[1]))
