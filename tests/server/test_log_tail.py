import pytest

from server.log_tail import LogTail


@pytest.fixture
def log(tmp_path):
    return tmp_path / "x.log"


def write(log, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


def test_what_was_there_before_is_left_out(log):
    write(log, "bad: old\n")
    tail = LogTail(log, "bad")
    assert tail.lines() == []
    write(log, "good: 1\nbad: 2\n")
    assert tail.lines() == ["bad: 2"]
    write(log, "bad: 3\n")
    assert tail.lines() == ["bad: 2", "bad: 3"]
    assert tail.lines() == ["bad: 2", "bad: 3"]


def test_a_line_counts_when_it_is_whole(log):
    tail = LogTail(log, "bad")
    assert tail.lines() == []
    write(log, "bad: half")
    assert tail.lines() == []
    write(log, " and half\nmore")
    assert tail.lines() == ["bad: half and half"]


@pytest.mark.parametrize(
    "roll", [lambda log: log.rename(log.with_suffix(".1")), lambda log: log.write_text("")],
    ids=["renamed", "emptied"],
)  # fmt: skip
def test_a_log_that_was_rolled_over_is_read_from_its_beginning(log, roll):
    tail = LogTail(log, "bad")
    write(log, "bad: 1\n" + "good\n" * 50)
    assert tail.lines() == ["bad: 1"]
    roll(log)
    assert tail.lines() == ["bad: 1"]
    write(log, "bad: 2\n")
    assert tail.lines() == ["bad: 1", "bad: 2"]


def test_bytes_that_are_no_text_are_no_error(log):
    tail = LogTail(log, "bad")
    log.write_bytes(b"bad \xff\n")
    assert tail.lines() == ["bad \ufffd"]


def test_a_log_that_is_gone_for_a_moment_is_looked_at_again(log, monkeypatch):
    tail = LogTail(log, "bad")
    write(log, "bad: 1\n")

    def gone(*_, **__):
        raise FileNotFoundError(log)

    with monkeypatch.context() as patched:
        patched.setattr(type(log), "open", gone)
        assert tail.lines() == []
    assert tail.lines() == ["bad: 1"]
