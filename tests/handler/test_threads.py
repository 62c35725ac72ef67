import os

import cv2
import pytest
import torch

from handler import threads
from handler.threads import settle_threads

ONE = {"minWorkers": 1, "maxWorkers": 1}


@pytest.fixture(autouse=True)
def _machine(monkeypatch, tmp_path):
    """Eight cores, no limit, no wish of the owner's."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(threads, "_CGROUP", tmp_path)
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.mark.parametrize(
    ("model_config", "expected"),
    [
        pytest.param({"minWorkers": 1, "maxWorkers": 1}, 8, id="one worker"),
        pytest.param({"minWorkers": 2, "maxWorkers": 4}, 4, id="two"),
        pytest.param({"minWorkers": 3, "maxWorkers": 3}, 2, id="three"),
        pytest.param({"minWorkers": 20, "maxWorkers": 20}, 1, id="more than cores"),
        pytest.param({"minWorkers": 0, "maxWorkers": 1}, 1, id="none yet"),
        pytest.param({"minWorkers": "2", "maxWorkers": 2}, 1, id="no number"),
        pytest.param({"minWorkers": 2}, 1, id="one line alone: one for each core"),
        pytest.param({}, 1, id="TorchServe's own: one for each core"),
        pytest.param(None, 1, id="no settings"),
    ],
)
def test_workers_share_the_cores(model_config, expected):
    assert settle_threads(model_config) == expected
    assert torch.get_num_threads() == cv2.getNumThreads() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("200000 100000\n", 2, id="two cores"),
        pytest.param("150000 100000\n", 2, id="one and a half"),
        pytest.param("10000 100000\n", 1, id="a tenth"),
        pytest.param("max 100000\n", 8, id="no limit"),
        pytest.param("what?", 8, id="not understood"),
    ],
)
def test_a_containers_limit_counts(content, expected):
    (threads._CGROUP / "cpu.max").write_text(content)
    assert settle_threads(ONE) == expected


@pytest.mark.parametrize(("quota", "expected"), [("300000", 3), ("-1", 8), ("50000", 1)])
def test_an_older_kernel_says_it_elsewhere(quota, expected):
    (threads._CGROUP / "cpu").mkdir()
    (threads._CGROUP / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (threads._CGROUP / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert settle_threads(ONE) == expected


def test_an_empty_wish_is_none(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", " ")
    assert settle_threads({"minWorkers": 2, "maxWorkers": 2}) == 4


def test_what_the_owner_says_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    torch.set_num_threads(3)
    assert settle_threads({"minWorkers": 2, "maxWorkers": 2}) == 3
    assert torch.get_num_threads() == 3
