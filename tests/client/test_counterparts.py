"""Which objects are counterparts: the most alike first, each once."""

import numpy as np
import pytest

from client.counterparts import found, most_alike

TIES = np.array([[0.9, 0.7, 0.9], [0.9, 0.7, 0.2], [0.4, 0.5, 0.9]])


def one_after_another(alike: np.ndarray, least: float) -> list[tuple[int, int]]:
    """What it means: the largest of what is left, of equal ones the first, again and again."""
    left = alike.copy()
    pairs = []
    while left.size and left.max() >= least:
        one, other = divmod(int(left.argmax()), left.shape[1])
        pairs.append((one, other))
        left[one], left[:, other] = -1, -1
    return pairs


@pytest.mark.parametrize(
    ("alike", "least", "pairs"),
    [
        pytest.param(np.zeros((0, 0)), 0.5, [], id="nothing"),
        pytest.param(np.zeros((2, 0)), 0.5, [], id="nothing on one side"),
        pytest.param(np.array([[0.49]]), 0.5, [], id="too little"),
        pytest.param(np.array([[0.5]]), 0.5, [(0, 0)], id="just enough"),
        pytest.param(TIES, 0.5, [(0, 0), (2, 2), (1, 1)], id="equally alike"),
        pytest.param(np.ones((2, 3)), 0.5, [(0, 0), (1, 1)], id="all equal"),
    ],
)
def test_the_most_alike_come_first(alike, least, pairs):
    assert most_alike(alike, least) == pairs == one_after_another(alike, least)


@pytest.mark.parametrize("seed", range(20))
def test_equals_one_after_another(seed):
    random = np.random.default_rng(seed)
    # One decimal: many are equally alike.
    alike = random.uniform(0, 1, random.integers(1, 30, 2)).round(1)
    assert most_alike(alike, 0.3) == one_after_another(alike, 0.3)


def test_what_has_no_score_counts():
    document = {"predictions": [], "panoptic": {"segments": [{"class_name": "sky"}]}}
    assert found(document, "panoptic").counted(1.0).tolist() == [True]
