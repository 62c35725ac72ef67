import io

from client.progress import Progress


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
