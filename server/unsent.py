"""Answers that are written and that their clients have not taken yet, as the kernel knows it."""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# include/net/tcp_states.h of Linux: ESTABLISHED, and CLOSE_WAIT of a client that sends no more.
_OPEN = ("01", "08")


def unsent_answers(ports: Collection[int]) -> int:
    """How many connections of these ports hold bytes that the other side has not confirmed.

    A server that still has more to write than its sockets take is among them: what the socket has
    taken is not confirmed then either.

    Args:
        ports: Where the server listens.

    Returns:
        Their number; 0 where the system does not say, which is everywhere but on Linux.
    """
    return sum(port in ports and unsent for port, unsent in _connections())


def _connections() -> Iterator[tuple[int, bool]]:
    """The local port of each open connection, and whether it has something unsent."""
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in table.read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, queues, *_ = line.split()
                if state in _OPEN:
                    yield int(local.rpartition(":")[2], 16), int(queues.partition(":")[0], 16) > 0
