"""Damaged images are the same each time, and end in an answer or in an error of the handler's."""

from collections import Counter

import pytest

from handler.errors import HandlerError
from handler.image import FORMATS, decode_image
from torture.material.damaged import DAMAGES, damaged_images, whole_images


def test_whole_images_are_of_every_format_and_whole():
    whole = whole_images()
    for name in FORMATS:
        assert any(name in one for one in whole)
    for content in whole.values():
        assert decode_image(content, max_pixels=25_000_000).shape[2] == 3


def test_the_same_seed_gives_the_same_images():
    assert list(damaged_images(50)) == list(damaged_images(50))
    assert list(damaged_images(50)) != list(damaged_images(50, seed=1))


def test_every_damage_is_done_to_every_format():
    names = {name for name, _ in damaged_images(2000)}
    assert len(names) == len(whole_images()) * len(DAMAGES)


def test_each_is_decoded_or_refused():
    """No error of a decoder gets past `decode_image`, whatever it is."""
    ends = Counter()
    for _, content in damaged_images(600):
        try:
            decode_image(content, max_pixels=25_000_000)
            ends["decoded"] += 1
        except HandlerError as error:
            ends[error.type] += 1
    assert ends["UndecodableImage"] > 200
    assert ends["decoded"] > 20


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_a_damage_leaves_something_to_send(name):
    import random

    for seed in range(50):
        assert DAMAGES[name](b"GIF89a", random.Random(seed))
