import math

import numpy as np
import pytest

from examples.coins import discs


def _circle():
    angles = np.linspace(0, 2 * math.pi, 256, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_coverage_of_a_circle_has_its_area_and_centre():
    alpha = discs.coverage(_circle(), (20.25, 17.5), 12.0, (40, 44))
    rows, columns = np.indices(alpha.shape)

    assert alpha.sum() == pytest.approx(math.pi * 12.0**2, rel=0.03)
    assert (columns * alpha).sum() / alpha.sum() == pytest.approx(20.25, abs=0.1)
    assert (rows * alpha).sum() / alpha.sum() == pytest.approx(17.5, abs=0.1)


def test_worn_outlines_stay_near_the_unit_circle():
    for seed in range(100):
        radii = np.linalg.norm(discs.worn_outline(np.random.default_rng(seed)), axis=1)
        assert radii.min() > 0.6
        assert radii.max() < 1.45


@pytest.mark.parametrize(
    ("centre_xy", "covered"),
    [
        pytest.param((30.0, 25.0), True, id="inside"),
        pytest.param((0.0, 0.0), True, id="over a corner"),
        pytest.param((-100.0, 25.0), False, id="outside"),
    ],
)
def test_paint_marks_what_it_covers(centre_xy, covered):
    canvas = np.full((50, 60, 3), 60.0, np.float32)
    disc = discs.Disc(centre_xy, 10.0, 180.0, np.ones(3, np.float32))

    mask = discs.paint(np.random.default_rng(0), canvas, disc, (1.0, 0.0))

    assert mask.shape == (50, 60)
    assert mask.any() == covered
    assert not covered or canvas[mask].mean() > 120.0


def test_lit_faces_the_light():
    height = np.tile(np.array([0, 0, 1, 2, 2, 1, 0, 0], np.float32), (8, 1))

    slope = discs.lit(height, (-1.0, 0.0))

    assert slope[4, 2] > 0 > slope[4, 5]
