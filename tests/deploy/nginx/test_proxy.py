"""What holds for all of nginx's ports: TLS, logs, who may ask for metrics."""

import json
import re
import shlex
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from examples.coins.photograph import photograph_path
from tests.deploy.nginx.conftest import MONITORING_HOST, SHIPPED, program

PHOTOGRAPH = photograph_path().read_bytes()


@pytest.mark.parametrize("port", ["https", "grpc", "metrics"])
@pytest.mark.parametrize(
    ("version", "accepted"),
    [("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)],
)
def test_tls_from_1_2_on(version, accepted, port, proxy):
    assert_tls(proxy, port, [f"-{version}", "-cipher", "ALL@SECLEVEL=0"], accepted=accepted)


@pytest.mark.parametrize(
    ("cipher", "accepted"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("AES128-SHA", False),
    ],
)
def test_ciphers_with_forward_secrecy_alone(cipher, accepted, proxy):
    assert_tls(proxy, "https", ["-tls1_2", "-cipher", cipher], accepted=accepted)


def assert_tls(proxy, port: str, arguments: list[str], *, accepted: bool) -> None:
    command = [*program("openssl"), "s_client", "-connect", f"127.0.0.1:{proxy.ports[port]}"]
    result = subprocess.run(
        [*command, "-CAfile", str(proxy.certificate), *arguments],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert (result.returncode == 0) == accepted, result.stderr
    # Before anything is agreed on, s_client calls the result of no verification "ok" as well.
    assert (b"no peer certificate available" in result.stdout) != accepted
    assert b"Verify return code: 0 (ok)" in result.stdout


@pytest.mark.parametrize(
    ("method", "path", "source", "status"),
    [
        pytest.param("GET", "/metrics", MONITORING_HOST, 200, id="the monitoring host"),
        pytest.param("GET", "/metrics", "127.0.0.1", 403, id="another machine"),
        pytest.param("POST", "/metrics", MONITORING_HOST, 403, id="by POST"),
        pytest.param("GET", "/models", MONITORING_HOST, 404, id="another path"),
        pytest.param("GET", "/metrics/../models", MONITORING_HOST, 404, id="dots"),
    ],
)
def test_metrics_are_for_the_monitoring_host(method, path, source, status, ask):
    assert ask(method, path, port="metrics", source=source, key=None).status == status


def test_management_has_no_port_here(proxy, pytestconfig):
    folder = pytestconfig.rootpath / "deploy" / "nginx"
    for file in folder.glob("*.conf"):
        text = file.read_text(encoding="utf-8")
        assert "8081" not in text
        assert "7071" not in text


def test_torchserve_itself_is_reached_from_this_machine_alone(behind, ports):
    # The machine's own address, as others see it; a UDP socket that sends nothing knows it.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
    listening = {key: port for key, port in ports.items() if "_" in key}
    assert len(listening) == 5
    for port in listening.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=10)


def test_the_certificate_command_of_the_readme(pytestconfig, tmp_path):
    text = (pytestconfig.rootpath / "deploy/nginx/README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    openssl (req .*\n(?:    .*\n)*)", text, re.MULTILINE)
    arguments = shlex.split(block.replace("\\\n", " "))
    subprocess.run([*program("openssl"), *arguments], cwd=tmp_path, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")


def logged_under(proxy, request_id: str, count: int = 1) -> list[dict]:
    for _ in range(100):
        text = (proxy.folder / "torchserve.access.log").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        found = [one for one in lines if one["request_id"] == request_id]
        if len(found) >= count:
            break
        time.sleep(0.05)  # nginx writes when the answer is sent
    assert len(found) == count
    return found


def test_a_request_is_found_in_both_logs_by_its_ids(ask, proxy, behind):
    answer = ask(
        "POST", "/predictions/coins", body=PHOTOGRAPH, headers={"X-Request-ID": "my-own.17"}
    )
    (logged,) = logged_under(proxy, "my-own.17")
    assert logged["torchserve_id"] == answer.headers["X-Request-ID"]
    assert (logged["method"], logged["path"]) == ("POST", "/predictions/coins")
    assert (logged["status"], logged["client"]) == (200, "127.0.0.1")
    assert logged["bytes_in"] > len(PHOTOGRAPH)
    assert logged["tls"] == "TLSv1.3"


def test_a_refused_request_is_found_by_the_id_that_its_client_got(ask, proxy):
    answer = ask("GET", "/models")
    (logged,) = logged_under(proxy, answer.headers["X-Request-ID"])
    assert logged["status"] == 404


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param('x","status":200,"y":"', id="quotes"),
        pytest.param("a b", id="space"),
        pytest.param("x" * 65, id="long"),
        pytest.param("\xff\xfe", id="not ASCII"),
        pytest.param("", id="empty"),
    ],
)
def test_an_id_that_is_no_plain_word_is_not_taken(sent, ask):
    answer = ask("GET", "/models", headers={"X-Request-ID": sent})
    assert len(bytes.fromhex(answer.headers["X-Request-ID"])) == 16


def test_two_clients_may_choose_one_id(ask, proxy):
    for source in ("127.0.0.22", "127.0.0.23"):
        headers = {"X-Request-ID": "chosen.17", "User-Agent": "chosen agent"}
        ask("GET", "/models", headers=headers, source=source)
    found = logged_under(proxy, "chosen.17", 2)
    assert [one["client"] for one in found] == ["127.0.0.22", "127.0.0.23"]
    assert {one["user_agent"] for one in found} == {"chosen agent"}


def test_no_log_has_the_key_or_anything_of_the_image(ask, proxy, behind):
    """Nor has the access log a query. The error log has: of whom nginx itself refused."""

    def predict(_: int) -> int:
        return ask(
            "POST",
            "/predictions/coins?secret=in-query-17",
            body=b"in-image-17",
            headers={"Referer": "https://example.org/?in-referrer-17", "X-Other": "in-header-17"},
            source="127.0.0.24",
        ).status

    ask("POST", "/predictions/coins?secret=in-query-17", body=PHOTOGRAPH)
    ask("POST", "/models?secret=in-query-17", body=PHOTOGRAPH)
    statuses: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        while 429 not in statuses and len(statuses) < 3000:
            statuses += pool.map(predict, range(50))
    assert set(statuses) == {400, 429}
    access, errors = (
        (proxy.folder / f"torchserve.{name}.log").read_text(encoding="utf-8")
        for name in ("access", "error")
    )
    assert "in-query-17" not in access
    assert "limiting requests" in errors
    assert 'request: "POST /predictions/coins?secret=in-query-17 HTTP/1.1"' in errors
    assert 'referrer: "https://example.org/?in-referrer-17"' in errors
    for log in proxy.folder.glob("*.log"):
        content = log.read_bytes()
        assert behind.inference.token.encode() not in content
        assert b"in-image-17" not in content
        assert b"in-header-17" not in content
        assert PHOTOGRAPH[:16] not in content
    for line in access.splitlines():
        json.loads(line)


def test_what_the_tests_exchange_stands_in_the_shipped_files(pytestconfig):
    folder = pytestconfig.rootpath / "deploy" / "nginx"
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.conf"))
    assert [line for line in SHIPPED if line not in text] == []
