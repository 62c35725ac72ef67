"""What a client sees of a server that answers, hangs, breaks off, or is not there."""

import socket
import threading
from collections.abc import Iterator

import pytest

from server.ports import unused_ports
from torture.errors import TortureError
from torture.load import Load, send
from torture.together import Shared, together

ANSWER = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"right": 1}'
TEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops"
REFUSAL = b'HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"code":503}'


@pytest.fixture
def server() -> Iterator:
    """Starts servers that answer each connection with the same bytes; None never answers."""
    held: list[socket.socket] = []

    def start(answer: bytes | None) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        held.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if answer is None:
                    held.append(connection)
                    continue
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for one in held:
        one.close()


@pytest.mark.parametrize(
    ("answer", "status", "document", "hung"),
    [
        pytest.param(ANSWER, 200, {"right": 1}, False, id="answer"),
        pytest.param(REFUSAL, 503, {"code": 503}, False, id="refusal"),
        pytest.param(TEXT, 200, None, False, id="no JSON"),
        pytest.param(b"", 0, None, False, id="broken off"),
        pytest.param(None, 0, None, True, id="no answer"),
    ],
)
def test_what_becomes_of_a_request(answer, status, document, hung, server):
    outcome = send(server(answer), "key", b"image", timeout_s=0.3)
    assert (outcome.status, outcome.hung) == (status, hung)
    assert outcome.document == document if document else isinstance(outcome.document, str)
    assert outcome.end == outcome.start + outcome.seconds


def test_a_server_that_is_not_there_cuts_off():
    outcome = send(f"http://127.0.0.1:{unused_ports(1)[0]}/", None, b"image")
    assert (outcome.status, outcome.hung) == (0, False)


def test_a_load_sends_until_it_is_over(server):
    with Load([server(ANSWER)], None, [b"a", b"b", b"c"], threads=3, own_image=True) as load:
        load.wait_for(20)
    assert {one.image for one in load.outcomes} == {0, 1, 2}
    assert all(one.status == 200 for one in load.outcomes)


def test_a_load_asks_all_addresses_in_turns_about_all_images(server):
    with Load([server(ANSWER), server(REFUSAL)], None, [b"a", b"b"], threads=2) as load:
        load.wait_for(20)
    seen = {(one.image, one.status) for one in load.outcomes}
    assert seen == {(0, 200), (0, 503), (1, 200), (1, 503)}


def test_a_load_that_is_not_answered_says_so(server):
    with (
        pytest.raises(TortureError, match="No steady answers within 0 s"),
        Load([server(REFUSAL)], None, [b"a"], threads=1) as load,
    ):
        load.wait_for(1, timeout_s=0.2)


def test_threads_need_images_of_their_own():
    with pytest.raises(ValueError, match="3 threads need as many images, there are 1"):
        Load(["http://127.0.0.1:1/"], None, [b"a"], threads=3, own_image=True)


def test_several_threads_share_what_there_is():
    source, taken = Shared(range(1000)), []
    together([lambda: taken.extend(source)] * 8)
    assert sorted(taken) == list(range(1000))
