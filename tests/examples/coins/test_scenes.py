import numpy as np
import pytest

from examples.coins.scenes import EMPTY_SHARE, Scene, draw_scene


def _draw(seed: int, size_hw: tuple[int, int] = (96, 128)) -> Scene:
    return draw_scene(np.random.default_rng(seed), size_hw)


def test_the_same_seed_draws_the_same_scene():
    one, other = _draw(5), _draw(5)

    assert np.array_equal(one.image_bgr, other.image_bgr)
    assert np.array_equal(one.masks, other.masks)


def test_another_seed_draws_another_scene():
    assert not np.array_equal(_draw(5).image_bgr, _draw(6).image_bgr)


@pytest.mark.parametrize("seed", range(30))
def test_masks_are_disjoint_and_of_the_size_of_the_picture(seed):
    scene = _draw(seed)

    assert scene.image_bgr.shape == (96, 128, 3)
    assert scene.image_bgr.dtype == np.uint8
    assert scene.masks.shape[1:] == (96, 128)
    assert scene.masks.dtype == np.bool_
    assert scene.masks.sum(axis=0).max(initial=0) <= 1
    assert all(mask.any() for mask in scene.masks)


def test_some_scenes_are_empty_and_most_are_not():
    empty = sum(len(_draw(seed, (64, 64)).masks) == 0 for seed in range(200))

    assert 200 * EMPTY_SHARE / 4 < empty < 100


def test_the_smallest_scenes_can_be_drawn():
    for seed in range(40):
        assert _draw(seed, (32, 32)).image_bgr.shape == (32, 32, 3)


@pytest.mark.parametrize("size_hw", [(1, 1), (31, 320), (320, 31), (0, 64), (-5, 64)])
def test_a_scene_too_small_to_hold_a_coin_is_refused(size_hw):
    with pytest.raises(ValueError, match="at least 32 pixels"):
        _draw(0, size_hw)
