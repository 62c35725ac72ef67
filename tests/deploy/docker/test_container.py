"""The image's own commands: start, health, requests, what they may do, and the end."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from client.sample_image import sample_png
from tests.deploy.docker.confined import USER, Confined
from tests.holding import make_held, wait_until
from tests.server.test_torchserve import alive

CALLERS = """
import json, sys, threading, requests
url, key, gate, count, image = *sys.argv[1:4], int(sys.argv[4]), open(sys.argv[5], "rb").read()
headers = {"Authorization": "Bearer " + key, "Content-Type": "image/png", "X-Gate": gate}
statuses = []
def ask():
    try:
        statuses.append(requests.post(url, data=image, headers=headers, timeout=120).status_code)
    except requests.RequestException as error:
        statuses.append(repr(error))
threads = [threading.Thread(target=ask) for _ in range(count)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(statuses))
"""

PENDING = """
import sys, requests
headers = {"Authorization": "Bearer " + sys.argv[2]}
(version,) = requests.get(sys.argv[1], headers=headers, timeout=60).json()
print(version["jobQueueStatus"]["pendingRequests"])
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


@pytest.fixture
def models(store: Path, tmp_path: Path) -> Path:
    """A model store, with one model that answers when it is let."""
    folder = tmp_path / "models"
    folder.mkdir(mode=0o755)
    make_held(store / "tiny.mar", folder / "held.mar")
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "image.png"
    file.write_bytes(sample_png(64, 48))
    return file


@pytest.fixture
def health(stages):
    """The health check, as the engine runs it: its exit code and what it says."""
    command = stages["server"].exec_form("HEALTHCHECK")

    def check(container: Confined, *arguments: str) -> tuple[int, str]:
        result = container.execute(*command, *arguments)
        return result.returncode, result.stdout + result.stderr

    return check


def wait_until_healthy(container: Confined, health) -> list[str]:
    """What the health check said before it was content."""
    said = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert container.process.poll() is None, container.said()
        code, sentence = health(container)
        if code == 0:
            return said
        said.append(sentence)
    raise AssertionError(container.said())


def test_is_healthy_when_predictions_work_and_at_no_other_time(run, models, health):
    with run(models) as container:
        before = wait_until_healthy(container, health)
        assert before  # it loads for seconds
        assert all("not ready" in sentence for sentence in before)
        worker = container.family()[-1]
        assert "model_service_worker.py" in " ".join(worker.cmdline())
        os.kill(worker.pid, signal.SIGSTOP)
        code, sentence = health(container, "--timeout", "3")
        assert code == 1
        assert "No answer from" in sentence
        os.kill(worker.pid, signal.SIGCONT)
        assert health(container)[0] == 0


def test_requests_at_hand_are_answered_when_it_is_stopped(run, models, image, health):
    with run(models) as container:
        wait_until_healthy(container, health)
        gate = "/run/torchserve/gate"
        container.execute("mkdir", gate)

        def ask(count: int) -> list[int]:
            url = "http://127.0.0.1:8080/predictions/held"
            arguments = (url, container.key("inference"), gate, str(count), str(image))
            return json.loads(container.python(CALLERS, *arguments))

        def pending() -> int:
            url = "http://127.0.0.1:8081/models/held"
            return int(container.python(PENDING, url, container.key("management")))

        with ThreadPoolExecutor(2) as pool:
            callers = [pool.submit(ask, 5)]
            wait_until(lambda: pending() == 4)
            container.stop()
            wait_until(container.file("run/torchserve/.stopping").exists)
            assert health(container)[0] == 1
            callers.append(pool.submit(ask, 1))  # who has not heard of it yet
            wait_until(lambda: pending() == 5)
            container.execute("touch", f"{gate}/open")
            assert [caller.result() for caller in callers] == [[200] * 5, [200]]
        assert container.process.wait(40) == 0
    assert container.said().endswith("Stopped.\n")


def test_none_of_its_processes_may_do_more_than_it_needs(run, models, health):
    with run(models) as container:
        wait_until_healthy(container, health)
        family = container.family()
        assert len(family) == 4  # ours, TorchServe's launcher, Java, the worker
        assert "--sock-type unix" in " ".join(family[-1].cmdline())
        for process in family:
            status = dict(
                line.split(":\t", 1)
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            )
            assert status["Uid"].split() == [str(USER)] * 4
            assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
            assert status["NoNewPrivs"] == "1"
        assert container.file("run/torchserve/key_file.json").stat().st_mode & 0o777 == 0o600
        written = container.execute("touch", "/app/a", "/models/a", "/opt/venv/a", "/etc/a", "/a")
        assert written.stderr.count("Read-only file system") == 5
        listening = json.loads(
            container.python(LISTENERS, "192.0.2.1", "8080", "8081", "8082", "7070", "7071")
        )
        assert listening == [8080, 8082]
        listening = json.loads(container.python(LISTENERS, "127.0.0.1", "8081"))
        assert listening == [8081]


def test_a_folder_of_its_own_that_was_forgotten_is_named_in_a_sentence(run, models, tmpfs):
    with run(models, tmpfs={"/tmp": tmpfs["/tmp"]}) as container:
        assert container.process.wait(60) == 1
        assert "/run/torchserve cannot be written" in container.said()
        assert "Traceback" not in container.said()


def test_nothing_of_it_stays_behind_a_test_that_breaks_off(run, models):
    class BreaksOffError(Exception):
        pass

    family = []
    with pytest.raises(BreaksOffError), run(models) as container:  # noqa: PT012
        while len(container.family()) < 3:
            assert container.process.poll() is None, container.said()
        family = container.family()
        raise BreaksOffError
    assert not alive(family)


def test_an_archive_that_its_user_may_not_read_is_named(run, models):
    (models / "held.mar").chmod(0o600)
    with run(models) as container:
        assert container.process.wait(60) == 1
        assert "held.mar cannot be read" in container.said()
        assert "Permission denied" in container.said()


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param({"/tmp": "noexec,mode=1777"}, id="without exec"),
        pytest.param({"/tmp": None}, id="no /tmp: the other folder has to do"),
    ],
)
def test_java_talks_to_workers_by_tcp_where_it_may_not_load_its_library(
    folders, run, models, tmpfs, health
):
    mounted = {**tmpfs, **folders}
    with run(models, tmpfs={k: v for k, v in mounted.items() if v}) as container:
        wait_until_healthy(container, health)
        assert "--sock-type tcp" in " ".join(container.family()[-1].cmdline())
