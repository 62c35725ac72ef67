import pytest

from handler import errors
from handler.image import decode_image
from torture.material.poison import poisons

POISONS = {one.name: one for one in poisons()}


def test_are_the_same_each_time():
    assert poisons() == poisons()
    assert len(POISONS) == len(poisons())


@pytest.mark.parametrize("name", sorted(POISONS.keys() - {"no bytes"}))  # that is no image's error
def test_are_refused_as_they_say(name):
    poison = POISONS[name]
    error = getattr(errors, poison.error)
    assert error.status == poison.status
    with pytest.raises(error):
        decode_image(poison.content, max_pixels=25_000_000)


def test_nothing_but_the_checksum_is_wrong():
    content = POISONS["PNG with a wrong checksum"].content
    whole = content[:29] + bytes(one ^ 0xFF for one in content[29:33]) + content[33:]
    assert decode_image(whole, max_pixels=25_000_000).shape == (90, 120, 3)
