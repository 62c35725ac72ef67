"""What a pod says when more is asked of it than it can hold."""

import json

from server.properties import read_properties
from tests.deploy.kubernetes.conftest import GIVEN
from tests.deploy.kubernetes.objects import the
from tests.deploy.kubernetes.pod import HOST, serving, wait_until_ready, worker

# Requests whose bodies do not come: nginx says 100 where it has let one in and waits for the rest.
# Meanwhile others are asked, each over a connection of its own.
HALF = """
import json, socket, sys
host, port = sys.argv[1], int(sys.argv[2])
def begin(head):
    connection = socket.create_connection((host, port), 5)
    connection.sendall(head.encode())
    return connection
def status(connection):
    answer = b""
    while b"\\r\\n" not in answer:
        part = connection.recv(4096)
        if not part:
            return None
        answer += part
    return int(answer.split()[1])
held = [begin(head) for head, count in json.loads(sys.argv[3]) for _ in range(count)]
let_in = [status(connection) for connection in held]
asked = [status(begin(head)) for head in json.loads(sys.argv[4])]
print(json.dumps([let_in, asked]))
"""

# As many bodies at a time as are let in, while the worker stands still.
FILL = """
import json, os, signal, sys, time, requests
from concurrent.futures import ThreadPoolExecutor
url, model, worker, count, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
def predict(size):
    return requests.post(f"{url}/predictions/{model}", data=bytes(size), timeout=100).status_code
def held():
    models = requests.get(f"http://127.0.0.1:8081/models/{model}", timeout=20).json()
    return models[0]["jobQueueStatus"]["pendingRequests"] + 1
os.kill(worker, signal.SIGSTOP)
try:
    with ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(predict, size) for _ in range(count)]
        end = time.monotonic() + 60
        while held() < count and time.monotonic() < end:
            time.sleep(0.1)
        found = {"held": held(), "ping": requests.get(f"{url}/ping", timeout=20).status_code}
        found["larger"] = predict(size + 1)
        os.kill(worker, signal.SIGCONT)
        found["answers"] = sorted({answer.result() for answer in answers})
finally:
    os.kill(worker, signal.SIGCONT)
print(json.dumps(found))
"""


def head(method: str, path: str, *, token: str = "", body: str = "") -> str:
    """A request up to its body, of which nothing is sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: pod"]
    lines += [f"Authorization: {token}"] if token else []
    lines += [body, "Expect: 100-continue"] if body else []
    return "\r\n".join([*lines, "", ""])


LENGTH = "Content-Length: 1000"
CHUNKS = "Transfer-Encoding: chunked"
PREDICT = "/predictions/tiny"


def test_a_pod_whose_places_are_all_taken_is_alive(pod):
    """64 predictions that do not come to an end: one more is refused, a kubelet is not."""
    begun = [(head("POST", PREDICT, token=GIVEN, body=LENGTH), 64)]
    asked = [
        head("POST", PREDICT, token=GIVEN, body=LENGTH),
        head("POST", PREDICT, body=LENGTH),
        head("GET", "/ping"),
        "GET /ping HTTP/1.1\r\nHost: pod\r\nContent-Length: 0\r\n\r\n",
    ]
    let_in, said = json.loads(
        pod.server.python(HALF, HOST, "9080", json.dumps(begun), json.dumps(asked))
    )
    assert let_in == [100] * 64
    assert said[:2] == [429, 401]
    assert said[2:] == [200, 200]


def test_who_has_no_token_takes_nobodys_place(pod):
    """Neither by predictions nor by bodies for the one path that asks for none."""
    begun = [
        (head("POST", PREDICT, body=LENGTH), 70),
        (head("GET", "/ping", body=LENGTH), 70),
        (head("GET", "/ping", body=CHUNKS), 70),
    ]
    asked = [head("POST", PREDICT, token=GIVEN, body=LENGTH), head("GET", "/ping")]
    let_in, said = json.loads(
        pod.server.python(HALF, HOST, "9080", json.dumps(begun), json.dumps(asked))
    )
    assert let_in == [401] * 70 + [413] * 140
    assert said == [100, 200]


def test_what_knative_lets_in_at_a_time_fits_into_java(render, container, models, tmp_path, deploy):
    objects = render("kserve/base")
    properties = read_properties(deploy / "kubernetes" / "kserve" / "base" / "config.properties")
    size = int(properties["max_request_size"])
    count = the(objects, "InferenceService")["spec"]["predictor"]["containerConcurrency"]
    with serving(objects, image=container, models=models, scratch=tmp_path / "pod") as pod:
        wait_until_ready(pod, "readinessProbe")
        arguments = (f"http://{HOST}:8080", "tiny", str(worker(pod)), str(count), str(size))
        found = json.loads(pod.server.python(FILL, *arguments))
        assert found == {"held": count, "ping": 200, "larger": 413, "answers": [400]}
        assert pod.probe("readinessProbe")[0] == 0
