"""Reading TorchServe's counter; tests/client/models/test_torchserve.py has the real one."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from client.models.arrivals import arrivals

METRICS = """\
# HELP ts_inference_requests_total Total number of inference requests.
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="pets",model_version="default",hostname="h",} 100.0
ts_inference_requests_total{model_name="pets",model_version="1.0",hostname="h",} 7.0
ts_inference_requests_total{model_name="pets",model_version="1.0",hostname="other",} 2.0
ts_inference_requests_total{model_name="pets",model_version="1.01",hostname="h",} 50.0
ts_inference_requests_total{model_name="old-pets",model_version="1.0",hostname="h",} 30.0
ts_inference_requests_total_created{model_name="pets",model_version="1.0",hostname="h",} 1.7E9
ts_inference_requests_total{hostname="h",model_version="2.0",model_name="pets",} 1.2E7
"""


@pytest.fixture
def metrics(request) -> Iterator[str]:
    """The address of a server whose metrics are given."""
    status, text = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("metrics", [(200, METRICS)], indirect=True, ids=[""])
@pytest.mark.parametrize(
    ("model", "version", "count"),
    [
        pytest.param("pets", "1.0", 9, id="of all hosts"),
        pytest.param("pets", "2.0", 12_000_000, id="labels in another order, a big number"),
        pytest.param("pets", "3.0", 0, id="never named"),
        pytest.param("cars", "1.0", 0, id="another model"),
    ],
)
def test_counts_the_requests_that_named_a_version(model, version, count, metrics, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nobody
    assert arrivals(metrics, model, version) == count


@pytest.mark.parametrize(
    ("metrics", "count"),
    [
        pytest.param((404, "{}"), None, id="metrics_mode=log"),
        pytest.param((200, METRICS.replace("ts_inference", "my")), None, id="other metrics"),
        pytest.param((200, "\n".join(METRICS.splitlines()[:2])), 0, id="nobody has asked yet"),
    ],
    indirect=["metrics"],
)
def test_a_server_that_does_not_count(metrics, count):
    assert arrivals(metrics, "pets", "1.0") == count


def test_a_server_that_is_not_there(unused_port):
    assert arrivals(f"http://127.0.0.1:{unused_port}", "pets", "1.0") is None
