"""The shipped nginx configuration, run by the real nginx before a real TorchServe."""

import contextlib
import getpass
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import NamedTuple, Self

import grpc
import psutil
import pytest

from client.management import ManagementClient
from server.ports import unused_ports, with_free_ports
from server.properties import addresses, read_properties, write_properties
from server.torchserve import TorchServe
from tests.server.grpc_stubs import build
from tests.tools.debian import ToolMissing, command

MONITORING_HOST = "127.0.0.2"  # every 127.x.y.z is this machine; the other tests come from .1

# What an owner changes, and what a test must change as well.
SHIPPED = {
    "listen 443 ": "listen 127.0.0.1:{https} ",
    "listen 80;": "listen 127.0.0.1:{http};",
    "listen 7443 ": "listen 127.0.0.1:{grpc} ",
    "listen 9443 ": "listen 127.0.0.1:{metrics} ",
    "127.0.0.1:8080": "127.0.0.1:{inference_address}",
    "127.0.0.1:7070": "127.0.0.1:{grpc_inference_port}",
    "127.0.0.1:8082": "127.0.0.1:{metrics_address}",
    "allow 192.0.2.10;": f"allow {MONITORING_HOST};",
    "/etc/nginx/torchserve/": "{folder}/",
    "/var/log/nginx/": "{folder}/",
}

MAIN = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/main.error.log;
events {{ }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # As Debian's own nginx.conf has it, older protocols included: ours must win.
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    gzip on;
    include {folder}/conf.d/*.conf;
}}
"""


def program(name: str) -> list[str]:
    try:
        return command(name)
    except ToolMissing as reason:
        pytest.skip(str(reason))


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["type"]


Ask = Callable[..., Answer]


@dataclass(frozen=True)
class Proxy:
    """A running nginx.

    Attributes:
        folder: Its configuration and logs.
        ports: Where it listens: `https`, `http`, `grpc`, `metrics`.
        certificate: What its clients trust.
    """

    folder: Path
    ports: dict[str, int]
    certificate: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    arguments = [
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "2", "-subj", "/CN=models.example.org"),
        *("-addext", "subjectAltName=DNS:models.example.org,IP:127.0.0.1"),
        *("-out", str(files[0]), "-keyout", str(files[1])),
    ]
    subprocess.run([*program("openssl"), *arguments], check=True, capture_output=True)
    return files


@pytest.fixture(scope="session")
def behind(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TorchServe]:
    """A TorchServe that serves `coins` with the shipped config.properties."""
    program("nginx")  # skips before seconds are spent
    model_store = pytestconfig.rootpath / "model_store"
    assert (model_store / "coins.mar").is_file(), "make model_store/coins.mar first"
    folder = tmp_path_factory.mktemp("behind")
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    write_properties(folder / "config.properties", with_free_ports(shipped))
    with (
        (folder / "output.log").open("wb") as output,
        TorchServe(
            config=folder / "config.properties",
            model_store=model_store,
            models=["coins=coins.mar"],
            work_dir=folder / "run",
            output=output,
        ) as server,
    ):
        server.wait_until_ready("coins", timeout_s=240)
        yield server


class StillWorker:
    """Within a `with` block the worker of `coins` does nothing: what comes is held."""

    def __init__(self, management: ManagementClient) -> None:
        self._management = management
        (worker,) = management.version("coins").workers
        self._process = psutil.Process(worker.pid)

    def __enter__(self) -> Self:
        self._process.suspend()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.resume()

    def requests(self) -> int:
        """How many TorchServe holds, with the one that was given to the worker."""
        pending = self._management.version("coins").pending
        return pending + 1 if pending else 0


@pytest.fixture
def still_worker(behind: TorchServe) -> StillWorker:
    return StillWorker(behind.management)


@contextlib.contextmanager
def nginx(shipped: Path, folder: Path, certificate: tuple[Path, Path], ports: dict[str, int]):
    """Run the shipped configuration, its ports and paths exchanged."""
    (folder / "conf.d").mkdir(parents=True)
    for file in certificate:
        (folder / file.name).write_bytes(file.read_bytes())
    values = {"folder": folder, **ports}
    for name, place in (("torchserve.conf", folder / "conf.d"), ("every-server.conf", folder)):
        text = (shipped / name).read_text(encoding="utf-8")
        for here, there in SHIPPED.items():
            text = text.replace(here, there.format(**values))
        (place / name).write_text(text, encoding="utf-8")
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(user=user, folder=folder), encoding="utf-8")
    start = [*program("nginx"), "-c", str(main), "-e", str(folder / "main.error.log")]
    checked = subprocess.run([*start, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr, checked.stderr
    # With -g it would go into the background: here it lives as long as the block.
    with subprocess.Popen([*start, "-g", "daemon off;"], cwd=folder) as process:
        try:
            own = {key: ports[key] for key in ("https", "http", "grpc", "metrics")}
            wait_until_listening(process, own)
            yield Proxy(folder, own, certificate[0])
        finally:
            process.terminate()
            process.wait(20)


def wait_until_listening(process: subprocess.Popen[bytes], ports: dict[str, int]) -> None:
    for port in ports.values():
        for _ in range(100):
            assert process.poll() is None, "nginx has ended"
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=10).close()
                break
            time.sleep(0.05)


@pytest.fixture(scope="session")
def ports(behind: TorchServe) -> dict[str, int]:
    """TorchServe's ports by the key that sets each, and free ones for nginx."""
    own = dict(zip(("https", "http", "grpc", "metrics"), unused_ports(4), strict=True))
    return own | {key: port for key, (_, port) in addresses(behind.properties).items()}


@pytest.fixture(scope="session")
def proxy(pytestconfig, ports, certificate, tmp_path_factory) -> Iterator[Proxy]:
    shipped = pytestconfig.rootpath / "deploy" / "nginx"
    with nginx(shipped, tmp_path_factory.mktemp("nginx") / "etc", certificate, ports) as running:
        yield running


@pytest.fixture
def ask(proxy: Proxy, behind: TorchServe) -> Ask:
    """Sends a request as it is written, with the key unless told otherwise."""

    def send(
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = behind.inference.token,
        port: str = "https",
        source: str = "127.0.0.1",
    ) -> Answer:
        context = ssl.create_default_context(cafile=str(proxy.certificate))
        address = ("127.0.0.1", proxy.ports[port])
        options = {"timeout": 60, "source_address": (source, 0)}
        if port == "http":
            connection = http.client.HTTPConnection(*address, **options)
        else:
            connection = http.client.HTTPSConnection(*address, context=context, **options)
        with contextlib.closing(connection):
            authorization = {"Authorization": f"Bearer {key}"} if key else {}
            connection.request(method, path, body, {**authorization, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    return send


@pytest.fixture(scope="session")
def stubs(proxy, tmp_path_factory: pytest.TempPathFactory):
    return build(tmp_path_factory.mktemp("stubs"))


@pytest.fixture(scope="session")
def channel(proxy) -> Iterator[grpc.Channel]:
    trusted = grpc.ssl_channel_credentials(proxy.certificate.read_bytes())
    with grpc.secure_channel(f"127.0.0.1:{proxy.ports['grpc']}", trusted) as opened:
        yield opened


@pytest.fixture
def key(behind) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {behind.inference.token}"),)


@pytest.fixture
def grpc_call(stubs, channel, key):
    """Begins to send one image; what becomes of it."""
    messages, services = stubs

    def send(image: bytes) -> grpc.Future:
        request = messages.PredictionsRequest(model_name="coins", input={"data": image})
        stub = services.InferenceAPIsServiceStub(channel)
        return stub.Predictions.future(request, metadata=key, timeout=120)

    return send


@pytest.fixture
def grpc_ping(stubs, channel, key):
    """TorchServe's word about itself."""
    from google.protobuf.empty_pb2 import Empty

    stub = stubs[1].InferenceAPIsServiceStub(channel)
    return lambda: stub.Ping(Empty(), metadata=key, timeout=60).health
