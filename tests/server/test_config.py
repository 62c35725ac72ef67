"""What each line of the shipped config.properties does, asked of a real TorchServe."""

import contextlib
import http.client
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from client.errors import ClientError
from server.ports import with_free_ports
from server.properties import addresses, read_properties, write_properties
from server.torchserve import TorchServe
from tests.images import noise_bgr, png
from tests.server.test_requests import post, worker

IMAGE = png(noise_bgr(96, 128))

# Names under which machines, clouds and tools keep what nobody else may have.
SECRETS = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL", "PGPASSWORD", "MYSQL_PWD", "SENTRY_DSN"),
    *("SSH_AUTH_SOCK", "SIGNING_KEY", "HTTPS_PROXY", "KUBECONFIG", "SLACK_WEBHOOK", "TS_AUTHKEY"),
    *("TORCHSERVE_MANAGEMENT_KEY", "PIP_INDEX_URL", "my_password", "X"),
)
NEEDED = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MALLOC_ARENA_MAX", "LC_ALL", "TORCH_HOME")


@pytest.fixture(scope="module")
def tiny(pytestconfig, store, tmp_path_factory) -> Iterator[TorchServe]:
    """A server that its owner lets register models, in an environment full of secrets."""
    folder = tmp_path_factory.mktemp("config")
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            for name in (*SECRETS, *NEEDED):
                patch.setenv(name, "1")
            server = stack.enter_context(
                running(
                    *(pytestconfig, store, folder),
                    enable_model_api="true",
                    metric_time_interval="1",
                )
            )
        server.wait_until_ready("tiny", timeout_s=120)
        yield server


def running(pytestconfig, store: Path, folder: Path, **changes: str) -> TorchServe:
    shipped = with_free_ports(read_properties(pytestconfig.rootpath / "config.properties"))
    write_properties(folder / "config.properties", {**shipped, **changes})
    return TorchServe(
        config=folder / "config.properties",
        model_store=store,
        models=["tiny=tiny.mar"],
        work_dir=folder / "run",
        output=subprocess.DEVNULL,
    )


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server: its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"not an archive")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def java(served: TorchServe, model: str = "tiny") -> psutil.Process:
    return psutil.Process(psutil.Process(worker(served, model)["pid"]).ppid())


def manage(served: TorchServe, method: str, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.management.token}"}
    return requests.request(method, f"{served.management.url}{path}", headers=headers, timeout=60)


def test_listens_on_this_machine_alone(tiny):
    listening = [
        connection.laddr
        for connection in java(tiny).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {one.ip.removeprefix("::ffff:") for one in listening} == {"127.0.0.1"}
    assert {one.port for one in listening} == {
        port for _, port in addresses(tiny.properties).values()
    }


@pytest.mark.parametrize("path", ["/models?url={}/x.mar", "/workflows?url={}/x.war"])
def test_fetches_nothing_from_anywhere(path, tiny, listener):
    url, asked = listener
    response = manage(tiny, "POST", path.format(url))
    assert response.status_code == 404
    assert "does not match any allowed URL" in response.json()["message"]
    assert asked == []


@pytest.mark.parametrize(
    "url", ["file://{}", "{}", "..%2Foutside.mar"], ids=["file", "absolute path", "dots"]
)
def test_takes_no_archive_from_outside_the_model_store(url, tiny, store, tmp_path):
    outside = tmp_path / "outside.mar"
    shutil.copy(store / "tiny.mar", outside)
    response = manage(tiny, "POST", f"/models?url={url.format(outside)}&model_name=other")
    assert response.status_code == 404


def test_with_the_model_api_an_archive_of_the_store_is_registered(tiny):
    try:
        assert manage(tiny, "POST", "/models?url=tiny.mar&model_name=again").status_code == 200
    finally:
        manage(tiny, "DELETE", "/models/again")


def test_without_it_nothing_is_registered(served):
    assert manage(served, "POST", "/models?url=tiny.mar&model_name=again").status_code == 405
    assert manage(served, "DELETE", "/models/tiny/1.0").status_code == 405


@pytest.mark.parametrize(
    "path", ["/ping", "/predictions/tiny", "/v1/models/tiny:predict", "/explanations/tiny"]
)
def test_inference_needs_its_key(path, tiny):
    for key in (None, "wrong", tiny.management.token):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        response = requests.post(f"{tiny.inference.url}{path}", headers=headers, timeout=60)
        assert response.json()["type"] == "InvalidKeyException"


@pytest.mark.parametrize("path", ["/models", "/models/tiny", "/workflows", "/token?type=inference"])
def test_management_needs_its_key(path, tiny):
    for key in (None, "wrong", tiny.inference.token):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        response = requests.get(f"{tiny.management.url}{path}", headers=headers, timeout=60)
        assert response.json()["type"] == "InvalidKeyException"


def test_keys_outlive_the_server(tiny):
    keys = json.loads((tiny.work_dir / "key_file.json").read_text())
    for api in ("inference", "management"):
        end = datetime.fromisoformat(keys[api]["expiration time"].partition(".")[0] + "+00:00")
        assert end - datetime.now(timezone.utc) > timedelta(days=3600)


def test_an_expired_key_turns_a_healthy_server_unhealthy(pytestconfig, store, tmp_path):
    with running(pytestconfig, store, tmp_path, token_expiration_min="0") as server:
        for _ in range(600):
            assert not server.has_ended(within_s=0.2)
            # It listens before it answers, and writes its keys while we read them.
            with contextlib.suppress(requests.RequestException, ClientError):
                headers = {"Authorization": f"Bearer {server.inference.token}"}
                answer = requests.get(f"{server.inference.url}/ping", headers=headers, timeout=5)
                break
    assert (answer.status_code, answer.json()["type"]) == (400, "InvalidKeyException")


def test_a_key_is_changed_without_a_restart(tiny, pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "security.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- tested: change a key -->\n((?:    .*\n)+)", text)
    assert "http://127.0.0.1:8081" in command
    script = command.replace("http://127.0.0.1:8081", tiny.management.url)
    old = tiny.inference.token
    subprocess.run(["sh", "-ec", script], cwd=tiny.work_dir, check=True, capture_output=True)
    assert tiny.inference.token != old
    assert post(tiny, "tiny", data=IMAGE).status_code == 200
    answer = post(tiny, "tiny", data=IMAGE, headers={"Authorization": f"Bearer {old}"})
    assert answer.status_code == 400


def test_the_key_file_is_for_its_owner_alone(tiny):
    assert (tiny.work_dir / "key_file.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", SECRETS)
def test_a_worker_does_not_see(name, tiny):
    assert name not in psutil.Process(worker(tiny, "tiny")["pid"]).environ()


@pytest.mark.parametrize(
    "name", [*NEEDED, "PATH", "PYTHONPATH", "TEMP", "TS_DECODE_INPUT_REQUEST", "LOG_LOCATION"]
)
def test_a_worker_sees(name, tiny):
    assert name in psutil.Process(worker(tiny, "tiny")["pid"]).environ()


def test_a_request_of_max_request_size_reaches_the_handler_and_a_larger_one_does_not(tiny):
    limit = int(tiny.properties["max_request_size"])
    assert post(tiny, "tiny", data=bytes(limit)).json()["type"] == "UndecodableImage"
    larger = post(tiny, "tiny", data=bytes(limit + 1))
    assert (larger.status_code, larger.content) == (413, b"")


def test_the_time_outs_are_those_of_the_archive(tiny):
    (version,) = manage(tiny, "GET", "/models/tiny").json()
    assert (version["responseTimeout"], version["startupTimeout"]) == (120, 300)


def test_nothing_measures_the_machine(tiny):
    assert "Disable system metrics: true" in tiny.log_since_start("ts_log.log")
    children = java(tiny).children(recursive=True)  # otherwise the script is there each second
    assert not [one for one in children if "metric_collector" in " ".join(one.cmdline())]


def test_java_takes_a_gigabyte_at_most_and_ends_when_it_has_no_more(tiny):
    command = java(tiny).cmdline()
    assert "-Xmx1g" in command
    assert "-XX:+ExitOnOutOfMemoryError" in command


def test_many_large_requests_at_once_end_no_server(tiny):
    """More than Java may hold: who is answered is told why not, and the server goes on."""
    address = urlsplit(tiny.inference.url)
    body = bytes(int(tiny.properties["max_request_size"]))
    before = java(tiny).pid
    statuses = []

    def send() -> None:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("POST", "/predictions/tiny", body)
            statuses.append(connection.getresponse().status)

    threads = [threading.Thread(target=send) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Without a key each is read whole all the same. Of how many are there at once, and so of the
    # machine, it depends how many do not fit: those get 507, or are cut off.
    assert statuses
    assert set(statuses) <= {400, 507}
    assert java(tiny).pid == before
    tiny.wait_until_ready("tiny", timeout_s=120)
    assert post(tiny, "tiny", data=IMAGE).status_code == 200
