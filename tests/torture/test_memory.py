"""The peak begins again when it is told to, and is seen although it has passed."""

import os

import numpy as np

from torture.memory import forget_peak, own_mb, peak_mb, resident_mb


def test_a_peak_that_has_passed_is_seen():
    pid = os.getpid()
    forget_peak(pid)
    before = peak_mb(pid)
    held = np.ones(100_000_000, dtype=np.uint8)
    while_held = own_mb(pid)
    del held
    assert 90 < peak_mb(pid) - before < 130
    assert while_held - own_mb(pid) > 90
    forget_peak(pid)
    assert peak_mb(pid) < before + 50


def test_what_is_its_own_is_part_of_what_is_resident():
    assert 0 < own_mb(os.getpid()) < resident_mb(os.getpid())
