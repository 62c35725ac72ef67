import errno
import io
import time
from collections.abc import Callable

import pytest

from client.progress import ImageProgress, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_line_a_step():
    stream = io.StringIO()
    progress = Progress(3, stream)
    for sentence in ("loading", "loading", "asking"):
        progress.step(sentence)
    progress.end()
    assert [line.split(" s ")[1] for line in stream.getvalue().splitlines()] == [
        "loading",
        "asking",
    ]


def test_a_terminal_gets_a_bar_that_goes_away():
    stream = Terminal()
    progress = Progress(2, stream)
    for sentence in ("loading", "loading", "asking", "more", "than expected"):
        progress.step(sentence)
    progress.end()
    shown = stream.getvalue().split("\r\x1b[K")
    assert shown[1].startswith("[" + "-" * 24 + "] loading, ")
    assert shown[3].startswith("[" + "#" * 12 + "-" * 12 + "] asking, ")
    assert shown[5].startswith("[" + "#" * 24 + "] than expected, ")
    assert shown[-1] == ""


class Gone(io.StringIO):
    """Written to like a pipe without a reader, or a terminal that was closed."""

    def __init__(self, error: Exception, *, is_terminal: bool):
        super().__init__()
        self.error, self.is_terminal, self.tries = error, is_terminal, 0

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.tries += 1
        raise self.error


def of_steps(stream: io.StringIO | None) -> Callable[[], None]:
    """Shows two steps, and ends."""
    progress = Progress(2, stream)

    def show() -> None:
        for sentence in ("loading", "asking"):
            progress.step(sentence)
        progress.end()

    return show


def of_images(stream: io.StringIO | None) -> Callable[[], None]:
    """Shows two images, a minute apart, and ends."""
    progress = ImageProgress(2, stream=stream)

    def show() -> None:
        start = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            for number in (1, 2):
                patch.setattr(time, "monotonic", lambda now=start + 60 * number: now)
                progress.step()
        progress.end()

    return show


BOTH = [pytest.param(of_steps, id="steps"), pytest.param(of_images, id="images")]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("error", "is_terminal"),
    [
        pytest.param(BrokenPipeError(errno.EPIPE, "Broken pipe"), False, id="pipe"),
        pytest.param(OSError(errno.EIO, "Input/output error"), True, id="terminal"),
        pytest.param(ValueError("I/O operation on closed file"), False, id="closed"),
    ],
)
def test_a_stream_that_is_gone_is_left_alone(kind, error, is_terminal):
    stream = Gone(error, is_terminal=is_terminal)
    kind(stream)()
    assert stream.tries == 1


@pytest.mark.parametrize("kind", BOTH)
def test_without_a_stderr_nothing_is_shown(kind, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    kind(None)()
    assert capsys.readouterr().out == ""


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_speed_and_time_left_are_of_this_run(clock):
    progress = ImageProgress(100, stream=io.StringIO())
    for _ in range(40):
        progress.step(fresh=False)
    clock.now += 10
    for _ in range(20):
        progress.step()
    # 2 images a second, 40 are left
    assert progress.line() == f"[{'#' * 14}{'-' * 10}] 60 of 100 images, 2.0 images/s, 0:20 left"


@pytest.mark.parametrize(
    ("total", "done", "line"),
    [
        pytest.param(None, 30, "30 frames, 3.0 frames/s", id="nobody knows how many"),
        pytest.param(20, 30, f"[{'#' * 24}] 30 of 20 frames, 3.0 frames/s, 0:00 left", id="more"),
        pytest.param(10, 0, f"[{'-' * 24}] 0 of 10 frames, 0.0 frames/s", id="nothing yet"),
        pytest.param(
            32430, 30, f"[{'-' * 24}] 30 of 32430 frames, 3.0 frames/s, 3:00:00 left", id="hours"
        ),
    ],
)
def test_what_is_shown(clock, total, done, line):
    progress = ImageProgress(total, unit="frames", stream=io.StringIO())
    clock.now += 10
    for _ in range(done):
        progress.step()
    assert progress.line() == line


def test_a_log_gets_a_line_now_and_then(clock):
    stream = io.StringIO()
    progress = ImageProgress(1000, stream=stream)
    for _ in range(300):
        clock.now += 0.5
        progress.step()
    progress.end()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5  # of 150 seconds
    assert "60 of 1000 images, 2.0 images/s" in lines[0]


def test_a_terminal_gets_a_bar_of_images_that_goes_away(clock):
    stream = Terminal()
    progress = ImageProgress(1000, stream=stream)
    for _ in range(300):
        clock.now += 0.01
        progress.step()
    progress.end()
    shown = stream.getvalue().split("\r\x1b[K")
    assert 25 < len(shown) < 40  # ten a second, not one for each image
    assert "\n" not in stream.getvalue()
    assert shown[-1] == ""
