"""Runs that are stopped half-way, by a person and by the server, each as a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from client.answers.header import header_of
from client.answers.journal import Journal
from server.ports import with_free_ports
from server.properties import read_properties, write_properties
from server.torchserve import TorchServe
from tests.client.conftest import NATIVE
from tests.client.proxy import Proxy, Reply, digest
from tests.images import noise_bgr, png

ONE_PIXEL = json.dumps(NATIVE).encode()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:03}.png").write_bytes(png(noise_bgr(32, 32, number)))
    return folder


@pytest.fixture
def start(pytestconfig, tmp_path):
    """Starts `predict` as a process of its own; it is gone at the end."""
    running = []

    def begin(*words: object, site: list[str]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "client", "predict"]
        process = subprocess.Popen(
            [*command, "images", "--output", "out", *map(str, words), *site],
            cwd=tmp_path,
            # Buffered, as Python has it for people.
            env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath), "PYTHONUNBUFFERED": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def answered(out: Path) -> Counter[str]:
    """How often each image was answered, by the lines of the journal."""
    lines = (out / "answers.jsonl").read_text().splitlines()[1:]
    return Counter(json.loads(line)["image"] for line in lines)


def finals(out: Path) -> list[str]:
    return sorted(file.name for file in out.glob("*.json"))


def wait_until(done, process) -> None:
    while not done():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_loses_nothing_and_nothing_is_asked_twice(
    start, site, images, proxy, tmp_path, number, code
):
    out = tmp_path / "out"
    words = ("--model", "tiny", "--workers", "3")
    process = start(*words, site=site)
    wait_until(lambda: len(proxy.asked) > 8, process)
    process.send_signal(number)
    said, problem = process.communicate(timeout=60)
    assert process.returncode == code, problem
    assert said == ""
    assert "Stopping when what is under way is answered" in problem
    kept = len(proxy.asked) - 1  # but for the small image of the beginning
    assert 8 <= kept < 40
    assert f"Stopped. {kept} answers kept in out/answers.jsonl; the same command goes on" in problem
    assert sum(answered(out).values()) == kept
    assert finals(out) == []
    assert not list(out.glob(".*"))

    process = start(*words, site=site)
    said, problem = process.communicate(timeout=60)
    assert process.returncode == 0, problem
    assert f"{kept} answers of an earlier run, begun " in said
    files = {digest(file.read_bytes()) for file in images.iterdir()}
    asked = Counter(one.digest for one in proxy.asked if one.digest in files)
    assert set(asked.values()) == {1}
    assert len(asked) == 40
    assert set(answered(out).values()) == {1}
    assert len(list(out.glob("*.png"))) == 40
    assert finals(out) == ["coco_results.json", "failures.json", "images.json", "summary.json"]

    nobody = ["--inference", "http://127.0.0.1:9", "--management", "http://127.0.0.1:9"]
    process = start(site=nobody)
    said, problem = process.communicate(timeout=60)
    assert process.returncode == 0, problem
    assert said.startswith(
        "tiny 1.0 answered 40 of 40 images. 40 answers of an earlier run, begun "
    )


def test_a_second_signal_ends_it_at_once(start, images, stand_in, tmp_path):
    held = []

    def never(asked):
        if len(stand_in.asked) > 5:
            held.append(asked)
            time.sleep(60)
        return Reply(200, ONE_PIXEL)

    stand_in.instead = never
    site = ["--inference", stand_in.url, "--management", stand_in.url]
    process = start("--model", "m", "--workers", "2", "--no-pictures", site=site)
    wait_until(lambda: len(held) == 2, process)
    while process.poll() is None:  # a second one right after the first is the same wish
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert process.returncode == -signal.SIGINT
    header = header_of(tmp_path / "out" / "answers.jsonl")
    with Journal(tmp_path / "out" / "answers.jsonl", header.settings) as journal:
        assert len(journal) == 4  # of five, one is the small image


@pytest.fixture
def own_server(pytestconfig, store, tmp_path):
    """Starts a server of the tests' model, always on the same ports."""
    config = tmp_path / "config.properties"
    shipped = read_properties(pytestconfig.rootpath / "config.properties")
    write_properties(config, with_free_ports(shipped))

    def make() -> TorchServe:
        return TorchServe(
            config=config,
            model_store=store,
            models=["tiny.mar"],
            work_dir=tmp_path / "run",
            output=subprocess.DEVNULL,
        )

    return make


def test_a_server_that_goes_away_half_way(start, own_server, images, tmp_path):
    out, log = tmp_path / "out", tmp_path / "run" / "logs" / "model_log.log"
    site = ["--ts-config", "config.properties", "--key-folder", "run"]
    words = ("--workers", "2", "--patience", "1")
    with own_server() as server:
        server.wait_until_ready("tiny", timeout_s=120)
        process = start(*words, site=site)
        journal = out / "answers.jsonl"
        wait_until(lambda: journal.exists() and len(journal.read_text().splitlines()) > 6, process)
    said, problem = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, ""), problem
    assert "Traceback" not in problem
    before = answered(out)
    kept = sum(before.values())
    assert 6 <= kept < 40
    assert "No answer from http://127.0.0.1:" in problem
    assert f"{kept} answers kept in out/answers.jsonl; the same command goes on" in problem
    assert finals(out) == []

    with own_server() as server:
        server.wait_until_ready("tiny", timeout_s=120)
        lines = log.read_text().count('"images":1')
        process = start(*words, site=site)
        said, problem = process.communicate(timeout=120)
        assert process.returncode == 0, problem
        assert f"tiny 1.0 answered 40 of 40 images. {kept} answers of an earlier run, " in said
        while log.read_text().count('"images":1') - lines < 40 - kept:
            time.sleep(0.05)
        assert log.read_text().count('"images":1') - lines == 40 - kept
    assert set(answered(out).values()) == {1}
    assert len(list(out.glob("*.png"))) == 40


@pytest.mark.parametrize(
    ("gone", "fails", "code"),
    [
        pytest.param(["stdout"], False, 1, id="stdout"),
        pytest.param(["stderr"], False, 0, id="stderr with nothing to say"),
        pytest.param(["stderr"], True, 1, id="stderr"),
        pytest.param(["stdout", "stderr"], True, 1, id="both, as 2>&1 | head has them"),
    ],
)
def test_a_reader_that_has_enough(start, images, stand_in, tmp_path, gone, fails, code):
    refusal = Reply(400, b'{"code": 400, "type": "UndecodableImage", "message": "It is none."}')
    bad = digest((images / "007.png").read_bytes()) if fails else ""
    stand_in.instead = lambda asked: refusal if asked.digest == bad else Reply(200, ONE_PIXEL)
    site = ["--inference", stand_in.url, "--management", stand_in.url]
    process = start("--model", "m", "--no-pictures", site=site)
    for name in gone:
        getattr(process, name).close()
    problem = "" if "stderr" in gone else process.stderr.read()
    assert process.wait(60) == code
    assert problem == ""
    out = tmp_path / "out"
    assert sum(answered(out).values()) == 40
    assert finals(out) == ["coco_results.json", "failures.json", "images.json", "summary.json"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_were_closed_before(images, stand_in, tmp_path, pytestconfig, closed):
    site = f"--model m --inference {stand_in.url} --management {stand_in.url}"
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m client predict images --output out {site} {closed}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1  # no image has the one pixel that was answered about
    assert "Traceback" not in done.stderr
    assert "summary.json" in finals(tmp_path / "out")


def test_memory_does_not_grow_with_the_number_of_images(pytestconfig, tmp_path):
    """Answers of 0.3 MB each: those of 120 images would be 40 MB."""
    point = {"class_id": 0, "class_name": "x" * 1000, "score": 0.5, "box": [0, 0, 1, 1]}
    body = json.dumps({**NATIVE, "predictions": [point] * 300}).encode()
    script = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from client.predict.cli import main\n"
        "code = main(sys.argv[1:])\n"
        # ru_maxrss would be that of the process which this one was forked from, too.
        "print(code, re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    peaks = []
    with Proxy() as server:
        server.instead = lambda asked: Reply(200, body)
        for count in (16, 120):
            folder = tmp_path / f"{count}"
            folder.mkdir()
            for number in range(count):
                (folder / f"{number}.png").write_bytes(png(noise_bgr(1, 1, number)))
            words = ["--model", "m", "--output", f"out{count}", "--inference", server.url]
            done = subprocess.run(
                [sys.executable, "-c", script, str(count), *words, "--management", server.url],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
                capture_output=True,
                text=True,
                check=True,
            )
            code, kilobytes = done.stdout.split()[-2:]
            assert code == "0", done.stderr
            peaks.append(int(kilobytes) / 1024)
    assert peaks[1] - peaks[0] < 20  # MB
