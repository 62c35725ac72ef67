"""A rendered pod, run: who gets an answer, how it is asked whether it is well, and its end."""

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.deploy.kubernetes.conftest import GIVEN, TOKEN
from tests.deploy.kubernetes.pod import HOST, Pod, serving, wait_until_ready, worker
from tests.holding import wait_until

ASK = """
import json, sys, requests
image = open(sys.argv[1], "rb").read()
answers = []
for method, url, token, *body in json.loads(sys.argv[2]):
    headers = {"Content-Type": "image/png", **({"Authorization": token} if token else {})}
    data = image if body else None
    response = requests.request(method, url, headers=headers, data=data, timeout=60)
    answers.append([response.status_code, response.headers.get("X-Request-ID")])
print(json.dumps(answers))
"""

GRPC = """
import json, sys, grpc
found = []
for token in sys.argv[2:]:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        ping = channel.unary_unary("/org.pytorch.serve.grpc.inference.InferenceAPIsService/Ping")
        try:
            ping(b"", metadata=(("authorization", token),), timeout=30)
            found.append("OK")
        except grpc.RpcError as error:
            found.append(error.code().name)
print(json.dumps(found))
"""

LISTENERS = """
import json, socket, sys
def listens(port):
    try:
        socket.create_connection((sys.argv[1], port), 2).close()
    except OSError:
        return False
    return True
print(json.dumps([port for port in map(int, sys.argv[2:]) if listens(port)]))
"""

# A client behind a Service: it asks over the connection that it has. A new one would lead to
# another pod.
CALLER = """
import http.client, json, sys, threading, time
host, port, token, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
image = open(sys.argv[5], "rb").read()
headers = {"Authorization": token, "Content-Type": "image/png"}
said = []
end = time.monotonic() + 90
def call():
    connection = http.client.HTTPConnection(host, port, timeout=120)
    while time.monotonic() < end:
        try:
            connection.request("POST", "/predictions/tiny", body=image, headers=headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            said.append(repr(error))
            return
        said.append(response.status)
        if response.will_close:
            return
    said.append("was never told to open another connection")
threads = [threading.Thread(target=call) for _ in range(count)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(said))
"""


def test_who_has_a_token_is_answered_and_nobody_else(pod, image):
    def ask(*requests: tuple[str, ...]) -> list[list]:
        return json.loads(pod.server.python(ASK, str(image), json.dumps(requests)))

    url = f"http://{HOST}:9080"
    predict = f"{url}/predictions/tiny"
    answers = ask(
        ("POST", predict, GIVEN, "image"),
        ("POST", f"{url}/v1/models/tiny:predict", GIVEN, "image"),
        ("POST", predict, "", "image"),
        ("POST", predict, f"Bearer {'0' * 64}", "image"),
        ("POST", predict, "Bearer ", "image"),
        ("GET", f"{url}/ping", ""),
        ("GET", f"{url}/models", GIVEN),
        ("GET", f"{url}/api-description", GIVEN),
        ("OPTIONS", predict, GIVEN),
    )
    assert [status for status, _ in answers] == [200, 200, 401, 401, 401, 200, 404, 404, 404]
    assert pod.probe("readinessProbe")[0] == 0

    address = f"{HOST}:9070"
    said = json.loads(pod.server.python(GRPC, address, GIVEN, "Bearer no"))
    assert said == ["OK", "UNAUTHENTICATED"]

    ports = ("8080", "8081", "8082", "7070", "7071", "9070", "9080")
    assert json.loads(pod.server.python(LISTENERS, HOST, *ports)) == [8082, 9070, 9080]
    logged = pod.proxy.said()
    assert '"client":"team-a"' in logged
    assert TOKEN not in logged
    assert "/ping" not in logged


def test_a_busy_pod_is_alive(pod, image):
    """The kubelet's question is answered while everything that is let in waits for the worker."""
    os.kill(worker(pod), signal.SIGSTOP)
    arguments = (HOST, "9080", GIVEN, "8", str(image))
    with ThreadPoolExecutor(1) as pool:
        callers = pool.submit(pod.server.python, CALLER, *arguments)
        wait_until(lambda: _connections(pod, 8080) == 8)
        (container,) = pod.spec["containers"]
        probe = container["livenessProbe"]["httpGet"]
        url = f"http://{HOST}:{probe['port']}{probe['path']}"
        for _ in range(3):
            answer = json.loads(pod.server.python(ASK, str(image), json.dumps([("GET", url, "")])))
            assert answer[0][0] == 200
        os.kill(worker(pod), signal.SIGCONT)
        pod.proxy.execute("sh", "-c", "kill -HUP 1")  # lets the callers go
        assert set(json.loads(callers.result())) == {200}


def test_nothing_is_lost_when_a_pod_is_taken_away(pod, image):
    """As a kubelet does it: every preStop at once, SIGTERM to the server, to the sidecar last."""
    (container,), (sidecar,) = pod.spec["containers"], pod.spec["initContainers"]
    with ThreadPoolExecutor(2) as pool:
        callers = pool.submit(pod.server.python, CALLER, HOST, "9080", GIVEN, "4", str(image))
        wait_until(lambda: pod.proxy.said().count('"status":200') > 8)

        reload = sidecar["lifecycle"]["preStop"]["exec"]["command"]
        closing = threading.Thread(target=pod.proxy.execute, args=reload)
        closing.start()
        time.sleep(container["lifecycle"]["preStop"]["sleep"]["seconds"])
        closing.join()
        said = json.loads(callers.result())
        assert len(said) > 8
        assert set(said) == {200}  # and every caller was told to go elsewhere

        # One that was sent at the last moment, and is at work when SIGTERM comes.
        stopped = worker(pod)
        os.kill(stopped, signal.SIGSTOP)
        last = json.dumps([("POST", f"http://{HOST}:9080/predictions/tiny", GIVEN, "image")])
        late = pool.submit(pod.server.python, ASK, str(image), last)
        wait_until(lambda: _connections(pod, 8080) > 0)
        pod.server.stop()
        wait_until(pod.server.file("run/torchserve/.stopping").exists)
        assert pod.probe("readinessProbe")[0] == 1
        os.kill(stopped, signal.SIGCONT)
        assert json.loads(late.result())[0][0] == 200
    assert pod.server.process.wait(60) == 0
    assert pod.server.said().endswith("Stopped.\n")
    assert pod.proxy.process.poll() is None


def test_the_runtime_of_kserve_answers_its_protocols_and_stops_in_order(
    render, container, models, image, tmp_path
):
    objects = render("kserve/base")
    with serving(objects, image=container, models=models, scratch=tmp_path / "pod") as pod:
        wait_until_ready(pod, "readinessProbe")
        (port,) = pod.spec["containers"][0]["ports"]
        url = f"http://{HOST}:{port['containerPort']}"
        requests = [
            ("POST", f"{url}/v1/models/tiny:predict", "", "image"),
            ("POST", f"{url}/v2/models/tiny/infer", "", "image"),
            ("GET", f"{url}{pod.spec['containers'][0]['livenessProbe']['httpGet']['path']}", ""),
            # What the guide says: nobody is asked for a token, and these two say what there is.
            ("OPTIONS", f"{url}/", ""),
            ("GET", f"{url}/api-description", ""),
            ("GET", f"{url}/models", ""),  # management
        ]
        answers = json.loads(pod.server.python(ASK, str(image), json.dumps(requests)))
        assert [status for status, _ in answers] == [200, 200, 200, 200, 200, 404]
        ports = ("8080", "8081", "8082", "7070", "7071")
        assert json.loads(pod.server.python(LISTENERS, HOST, *ports)) == [8080, 8082]
        pod.server.stop()
        assert pod.server.process.wait(60) == 0


def _connections(pod: Pod, port: int) -> int:
    """How many the pod's own clients have to a port."""
    table = Path(f"/proc/{pod.server.pid}/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2:4] == [f"0100007F:{port:04X}", "01"] for line in table)
