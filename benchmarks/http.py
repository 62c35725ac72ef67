"""A client that costs little: HTTP/1.1 with keep-alive on asyncio's own streams."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from benchmarks.replies import Reply

TIMEOUT_S = 300.0  # TorchServe lets requests hang when a worker is gone for good
_BUFFER = 1 << 24  # bytes; below it asyncio pauses reading of an answer again and again


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers.

    Attributes:
        host: IP address.
        port: TCP port.
        path: Of the URL.
        headers: Sent with every request.
    """

    host: str
    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """What is sent for one image.

    Attributes:
        body: Request body.
        headers: Besides the endpoint's.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Sends posts to one endpoint, on as many connections as there are posts under way."""

    def __init__(self, endpoint: Endpoint, posts: Sequence[Post]) -> None:
        self._endpoint = endpoint
        self._heads = [_head(endpoint, post) for post in posts]
        self._bodies = [post.body for post in posts]
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        """Connections are opened as they are needed."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them all."""
        for _, writer in self._free:
            writer.close()
        for _, writer in self._free:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._free.clear()

    async def ask(self, index: int) -> Reply:
        """Send one post, and read the answer whole.

        Raises:
            OSError: No connection, or no answer in five minutes.
            asyncio.IncompleteReadError: The server closed it before the answer was whole.
        """
        reader, writer = self._free.pop() if self._free else await self._connect()
        try:
            writer.write(self._heads[index])
            writer.write(self._bodies[index])
            async with asyncio.timeout(TIMEOUT_S):
                reply = await _read(reader)
        except BaseException:
            writer.close()
            raise
        if reply.headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._free.append((reader, writer))
        return reply

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            self._endpoint.host, self._endpoint.port, limit=_BUFFER
        )


def _head(endpoint: Endpoint, post: Post) -> bytes:
    headers = {
        "Host": f"{endpoint.host}:{endpoint.port}",
        "Content-Length": str(len(post.body)),
        **endpoint.headers,
        **post.headers,
    }
    lines = [f"POST {endpoint.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _read(reader: asyncio.StreamReader) -> Reply:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(status_line.split()[1]), body, headers)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        if not size:
            return b"".join(chunks)
        chunks.append(chunk[:-2])
