from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.found import Found, encode
from benchmarks.material import Image
from benchmarks.posts import image_posts, noop_posts


@pytest.fixture
def scene():
    images = [Image("one", b"first", (4, 4)), Image("other", b"second", (4, 4))]
    nothing = Found.of([], [], [], [])
    something = Found.of([[0, 0, 2, 2]], [0.9], [0], [encode(np.eye(4, dtype=np.bool_))])
    return SimpleNamespace(
        images=images, expected={2: [nothing, something]}, options=SimpleNamespace(threads=2)
    )


def test_files_are_sent_as_they_are(scene):
    posts = image_posts(scene)
    assert [post.body for post in posts] == [b"first", b"second"]
    assert [post.headers for post in posts] == [{}, {}]


def test_answers_are_as_long_as_what_was_found(scene):
    sizes = [int(post.headers["X-Body-Bytes"]) for post in noop_posts(scene)]
    assert sizes[0] < sizes[1]
    assert all("X-Work-Ms" not in post.headers for post in noop_posts(scene))


def test_work_is_asked_for_image_by_image(scene):
    posts = noop_posts(scene, {1: 40.0})
    assert [post.headers["X-Work-Ms"] for post in posts] == ["0.00", "40.00"]
    assert [post.body for post in posts] == [b"first", b"second"]
