"""The peak begins again when it is told to, and is seen although it has passed."""

import os
import subprocess
import sys

from torture.memory import forget_peak, own_mb, peak_mb, resident_mb

HOLDS_AND_LETS_GO = """
import numpy as np
for word in "before", "held", "gone":
    held = np.ones(100_000_000, dtype=np.uint8) if word == "held" else None
    print(word, flush=True)
    input()
"""


def test_a_peak_that_has_passed_is_seen():
    """In a process of its own, whose memory nothing else has used."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_AND_LETS_GO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def comes_to(word: str) -> int:
            assert process.stdout.readline() == f"{word}\n"
            return process.pid

        def goes_on() -> None:
            process.stdin.write("\n")
            process.stdin.flush()

        pid = comes_to("before")
        forget_peak(pid)
        before = peak_mb(pid)
        goes_on()
        while_held = own_mb(comes_to("held"))
        goes_on()
        assert 90 < peak_mb(comes_to("gone")) - before < 130
        assert while_held - own_mb(pid) > 90
        forget_peak(pid)
        assert peak_mb(pid) < before + 50
        goes_on()


def test_what_is_its_own_is_part_of_what_is_resident():
    assert 0 < own_mb(os.getpid()) < resident_mb(os.getpid())
