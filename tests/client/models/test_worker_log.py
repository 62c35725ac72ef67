import time
from datetime import datetime
from pathlib import Path

import pytest

from client.models.worker_log import load_failure

NOW = time.time()


def line(words: str, *, worker: str = "W-9500-coins_2.0-stdout", at: float = NOW) -> str:
    when = datetime.fromtimestamp(at)
    stamp = f"{when:%Y-%m-%dT%H:%M:%S},{when.microsecond // 1000:03d}"
    return f"{stamp} [INFO ] {worker} MODEL_LOG - {words}"


OURS = line("RuntimeError: The model could not be loaded: there are no weights.")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([line("Listening on port"), line("Python 3.11")], None, id="no error"),
        pytest.param([OURS, line("Backend worker ended")], "there are no weights.", id="ours"),
        pytest.param(
            [line("ImportError: No module named 'cv2'"), line("KeyError: 'x'")],
            "KeyError: 'x'",
            id="somebody else's, the last one",
        ),
        *(
            pytest.param([line("KeyError: 1", worker=f"W-9500-{worker}")], None, id=worker)
            for worker in (
                "coins_1.0-stdout",
                "coins_2.01-stdout",
                "coins_2.0-b-stdout",
                "coins_12.0-stdout",
                "old-coins_2.0-stdout",
                "coins_2x0-stdout",
            )
        ),
        pytest.param(
            [line("KeyError: 1", worker="W-9500-coins_2.0-stderr")], "KeyError: 1", id="stderr"
        ),
        pytest.param([line("KeyError: 1", at=NOW - 60)], None, id="another attempt"),
        pytest.param(
            [line("KeyError: 1").partition(" ")[2], "x" + line("KeyError: 1")],
            None,
            id="without a time",
        ),
    ],
)
def test_finds_what_the_worker_wrote(lines, found, tmp_path: Path):
    (tmp_path / "model_log.log").write_text("\n".join(lines))
    assert load_failure(tmp_path, "coins", "2.0", since=NOW - 5) == found


def test_reads_the_end_of_a_long_log(tmp_path):
    text = "\n".join([line("chatter " * 50)] * 2000 + [OURS])
    (tmp_path / "model_log.log").write_text(text)
    assert load_failure(tmp_path, "coins", "2.0", since=0) == "there are no weights."


@pytest.mark.parametrize("folder", [None, Path("nowhere")], ids=["not known", "not there"])
def test_a_log_that_cannot_be_read(folder):
    assert load_failure(folder, "coins", "2.0", since=0) is None
