import socket
import sys
from collections.abc import Iterator

import pytest

from server.unsent import unsent_answers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6, as Java listens"])
def pair(request) -> Iterator[tuple[socket.socket, socket.socket]]:
    """What a server has of a connection, and its client."""
    address = "127.0.0.1" if request.param == socket.AF_INET else "::"
    with socket.create_server(
        (address, 0), family=request.param, dualstack_ipv6=request.param == socket.AF_INET6
    ) as listener:
        client = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
        server, _ = listener.accept()
        with client, server:
            yield server, client


@pytest.mark.parametrize("sends_no_more", [False, True], ids=["open", "half closed"])
def test_an_answer_is_unsent_until_its_client_has_taken_it(sends_no_more, pair):
    server, client = pair
    if sends_no_more:
        client.shutdown(socket.SHUT_WR)
    port = server.getsockname()[1]
    assert unsent_answers({port}) == 0
    server.setblocking(False)
    sent = server.send(bytes(64 << 20))
    assert unsent_answers({port}) == 1
    assert unsent_answers({port, client.getsockname()[1]}) == 1
    assert unsent_answers({1}) == 0
    while sent:
        sent -= len(client.recv(1 << 20))
    while unsent_answers({port}):  # until the kernel has confirmed the last bytes
        pass
