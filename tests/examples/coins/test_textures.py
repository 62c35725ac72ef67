import numpy as np
import pytest

from examples.coins import textures


@pytest.mark.parametrize("cell_px", [1.5, 7.0, 200.0])
@pytest.mark.parametrize("size_hw", [(32, 32), (33, 91)])
def test_smooth_noise_has_the_asked_size_whatever_its_cell(size_hw, cell_px):
    noise = textures.smooth_noise(np.random.default_rng(0), size_hw, cell_px)

    assert noise.shape == size_hw
    assert noise.dtype == np.float32


def test_smooth_noise_of_large_cells_varies_slowly():
    noise = textures.smooth_noise(np.random.default_rng(0), (128, 128), 32.0)

    assert np.abs(np.diff(noise, axis=0)).max() < 0.25


def test_direction_ramp_rises_along_its_direction():
    ramp = textures.direction_ramp((5, 9), (1.0, 0.0))

    assert ramp[0].tolist() == pytest.approx(np.linspace(-1, 1, 9).tolist())


def test_random_direction_has_length_one():
    direction = textures.random_direction(np.random.default_rng(3))

    assert np.hypot(*direction) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [
        textures.add_stains,
        textures.add_clutter,
        textures.add_frame,
        textures.add_scratches,
        textures.add_vignette,
    ],
)
def test_changes_stay_finite_on_the_smallest_picture(change):
    for seed in range(20):
        canvas = np.full((32, 32, 3), 100.0, np.float32)
        change(np.random.default_rng(seed), canvas)
        assert np.isfinite(canvas).all()


def test_develop_gives_an_ordinary_picture_of_any_canvas():
    for seed in range(10):
        canvas = np.full((40, 50, 3), -300.0 + 100 * seed, np.float32)
        picture = textures.develop(np.random.default_rng(seed), canvas)
        assert picture.shape == (40, 50, 3)
        assert picture.dtype == np.uint8
