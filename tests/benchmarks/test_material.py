import numpy as np
import skimage.data

from benchmarks.material import PHOTOGRAPH, decode, material


def test_there_are_enough_images_of_enough_shapes():
    images = material()
    assert len(images) == 32
    assert len({image.name for image in images}) == 32
    shapes = {image.size_hw for image in images}
    assert len(shapes) >= 4
    assert {height < width for height, width in shapes} == {True, False}
    assert max(image.pixels for image in images) > 4e6
    assert sum(image.size_hw == (480, 640) for image in images) >= 12


def test_they_are_the_same_every_time():
    assert material() == material()


def test_they_decode_to_the_size_that_they_say():
    for image in material():
        assert decode(image.jpeg).shape == (*image.size_hw, 3)


def test_the_photograph_comes_first_as_it_is():
    """A quick run has it as well."""
    first = material()[0]
    assert first.name == PHOTOGRAPH
    assert first.size_hw == (303, 384)
    difference = decode(first.jpeg).astype(int) - skimage.data.coins()[:, :, None]
    assert np.abs(difference).mean() < 4  # what the JPEG does to it
