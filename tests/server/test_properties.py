import socket

import pytest

from server.errors import ServerError
from server.properties import addresses, check_ports_free, read_properties, write_properties


@pytest.fixture
def shipped(request) -> dict[str, str]:
    return read_properties(request.config.rootpath / "config.properties")


def test_every_listener_of_the_shipped_file_is_on_loopback(shipped):
    assert {host for host, _ in addresses(shipped).values()} == {"127.0.0.1"}
    assert sorted(port for _, port in addresses(shipped).values()) == [7070, 7071, 8080, 8081, 8082]


def test_every_line_of_the_shipped_file_has_a_reason(request):
    # A comment, then one line or several that share it; never a setting out of the blue.
    lines = (request.config.rootpath / "config.properties").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith("#"):
            assert before, f"{line} has no comment above it"


def test_writes_what_it_reads(shipped, tmp_path):
    write_properties(tmp_path / "copy", shipped)
    assert read_properties(tmp_path / "copy") == shipped


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ServerError, match="cannot be read"):
        read_properties(tmp_path / "none")


def test_names_every_taken_port(shipped, free_properties):
    with socket.socket() as one, socket.socket() as two:
        for taken in (one, two):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        ports = [taken.getsockname()[1] for taken in (one, two)]
        properties = {
            **free_properties,
            "management_address": f"http://127.0.0.1:{ports[0]}",
            "grpc_inference_port": str(ports[1]),
        }
        with pytest.raises(ServerError) as caught:
            check_ports_free(properties)
    assert str(caught.value) == (
        f"In use by another program: 127.0.0.1:{ports[0]} (management_address), "
        f"127.0.0.1:{ports[1]} (grpc_inference_port). "
        "Stop that program, or give other ports in config.properties."
    )


def test_free_ports_are_free(free_properties):
    check_ports_free(free_properties)
