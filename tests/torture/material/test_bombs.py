"""Each bomb is small, says that it is huge, and is refused before it is believed."""

import random
import tracemalloc

import pytest

from handler.errors import ImageTooLarge, UndecodableImage
from handler.image import decode_image
from torture.material.bombs import KINDS, bombs

UNTRUE = {
    "PNG with a text of 100 MB",
    "JPEG of 400 scans",
    "WEBP with a huge canvas",
}
"""Refused for something else than their pixels."""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_bomb_is_refused(kind):
    for seed in range(20):
        content = KINDS[kind](random.Random(seed))
        assert len(content) < 300_000
        with pytest.raises((ImageTooLarge, UndecodableImage)) as caught:
            decode_image(content, max_pixels=25_000_000)
        if kind not in UNTRUE:
            assert isinstance(caught.value, ImageTooLarge), caught.value


def test_python_allocates_little_for_them():
    files = [content for _, content in bombs(len(KINDS))]
    tracemalloc.start()
    try:
        for content in files:
            with pytest.raises((ImageTooLarge, UndecodableImage)):
                decode_image(content, max_pixels=25_000_000)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_thousand_are_a_thousand():
    contents = [content for kind, content in bombs(1000) if kind in ("PNG", "GIF", "BMP")]
    assert len(set(contents)) > 0.7 * len(contents)
