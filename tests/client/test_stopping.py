import os
import signal
import subprocess
import sys
import time

import pytest

from client.stopping import Stop


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_the_first_signal_is_a_wish(number, code):
    said = []
    before = signal.getsignal(number)
    with Stop(lambda: said.append(1)) as stop:
        assert not stop()
        assert stop.exit_code == 0
        os.kill(os.getpid(), number)
        assert stop()
        assert stop.exit_code == code
    assert said == [1]
    assert signal.getsignal(number) is before


def test_the_second_ends_the_process(pytestconfig):
    script = (
        "import os, signal, time\n"
        "from client.stopping import Stop\n"
        "with Stop(lambda: os.write(1, b'waiting\\n')):\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(0.01)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=pytestconfig.rootpath, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "waiting\n"
        while process.poll() is None:  # the first of these may be the same wish
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert process.returncode == -signal.SIGINT


def test_the_same_wish_may_come_twice(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    said = []
    with Stop(lambda: said.append(1)) as stop:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert stop.exit_code == 143
    assert said == [1]


def test_it_is_heard_where_a_shell_has_ignored_it(pytestconfig):
    """As of jobs in the background of a script."""
    script = (
        "import time\n"
        "from client.stopping import Stop\n"
        "with Stop() as stop:\n"
        "    print('ready', flush=True)\n"
        "    while not stop(): time.sleep(0.01)\n"
        "raise SystemExit(stop.exit_code)\n"
    )
    with subprocess.Popen(
        ["sh", "-c", f'trap "" INT; exec {sys.executable} -c "$0"', script],
        cwd=pytestconfig.rootpath,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
