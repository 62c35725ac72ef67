from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.found import Found, encode
from benchmarks.material import Image
from benchmarks.posts import Work, image_posts, noop_posts, noop_sizes, work_of
from benchmarks.series import Measurement


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
    assert sizes == noop_sizes(scene)
    assert all(post.headers.keys() == {"X-Body-Bytes"} for post in noop_posts(scene))


def test_work_is_asked_for_image_by_image(scene):
    posts = noop_posts(scene, {1: Work(40.0, 5.0)})
    assert [post.headers["X-Model-Ms"] for post in posts] == ["0.00", "40.00"]
    assert [post.headers["X-Host-Ms"] for post in posts] == ["0.00", "5.00"]
    assert [post.body for post in posts] == [b"first", b"second"]


def measured(indices: list[int], stages_ms: dict[str, list[float]]) -> Measurement:
    return Measurement(indices, 1.0, [50.0] * len(indices), stages_ms, [], 0, 0.0, [])


def test_work_is_what_the_last_pass_took():
    stages_ms = {"decode": [9, 9, 1, 2], "model": [90, 90, 40, 50], "masks": [9, 9, 2, 3]}
    works = work_of(measured([0, 1, 0, 1], stages_ms))
    assert works == {0: Work(40, 3), 1: Work(50, 5)}


def test_where_no_answer_came_there_is_no_work():
    assert work_of(measured([0, 1], {})) == {}
