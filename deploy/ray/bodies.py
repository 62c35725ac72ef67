"""The body of a request, no more of it than is accepted, and no longer waited for."""

import asyncio

from starlette.requests import ClientDisconnect, Request


class BodyRefused(Exception):
    """It is not read to its end.

    Attributes:
        status: 413 where it is too large, 408 where it does not come, 400 where the client left.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def read_body(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """Read it piece by piece.

    Args:
        request: Whose body has not been read.
        max_bytes: Most bytes; what is said to be more is not read at all.
        timeout_s: Longest time for all of it.

    Raises:
        BodyRefused: It is too large, too slow, or breaks off.
    """
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said) > max_bytes:
        raise BodyRefused(413)
    pieces = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in request.stream():
                pieces += piece
                if len(pieces) > max_bytes:
                    raise BodyRefused(413)
    except TimeoutError as error:
        raise BodyRefused(408) from error
    except ClientDisconnect as error:
        raise BodyRefused(400) from error
    return bytes(pieces)
