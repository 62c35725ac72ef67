import socket
from pathlib import Path

import pytest

from server import ports
from server.ports import unused_ports


def test_ports_are_free_and_differ():
    found = unused_ports(8)
    assert len({*found}) == 8
    for port in found:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_the_kernel_gives_none_of_them_to_a_connection_before_a_server_listens():
    (first, _) = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if first < 32_768:
        pytest.skip(f"this machine's owner lets connections have ports from {first} on")
    assert max(unused_ports(8)) < first


def test_what_somebody_listens_at_is_not_free(monkeypatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", unused_ports(1)[0]))
        listener.listen()
        taken = listener.getsockname()[1]
        monkeypatch.setattr(ports, "_OURS", range(taken, taken + 1))
        with pytest.raises(OSError, match="1 free ports were looked for"):
            unused_ports(1)
