from benchmarks.material import decode, material
from benchmarks.models import threshold_for


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


def test_a_threshold_leaves_16_objects_an_image():
    scores = [[k / 100 for k in range(100)], [k / 100 + 0.001 for k in range(100)]]
    threshold = threshold_for(scores)
    assert sum(score > threshold for one in scores for score in one) == 32


def test_more_than_40_objects_of_an_image_do_not_count():
    few = [k / 1000 for k in range(100)]
    assert threshold_for([[0.9] * 100, few, few]) < 0.1
