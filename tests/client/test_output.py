import io
import os
import subprocess
import sys

import pytest

from client.output import drop_unwritten, say


def test_says_a_line_in_one_write():
    class Writes(io.StringIO):
        def __init__(self):
            super().__init__()
            self.texts = []

        def write(self, text: str) -> int:
            self.texts.append(text)
            return len(text)

    stream = Writes()
    assert say("It is done.", stream) is None
    assert list(filter(None, stream.texts)) == ["It is done.\n"]


def closed_stream() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream()], ids=["none", "closed"])
def test_nobody_to_say_it_to(stream):
    assert isinstance(say("It is done.", stream), OSError | ValueError)
    drop_unwritten(stream)


@pytest.mark.parametrize(("dropped", "code"), [(True, 7), (False, 120)], ids=["dropped", "kept"])
def test_what_could_not_be_written_changes_no_exit_code(pytestconfig, dropped, code):
    script = (
        "import sys\n"
        "from client.output import drop_unwritten, say\n"
        "assert isinstance(say('It is done.', sys.stdout), BrokenPipeError)\n"
        f"{'drop_unwritten(sys.stdout)' if dropped else ''}\n"
        "sys.exit(7)\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=pytestconfig.rootpath,
            stdout=writer,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == code
