import pytest

from deploy.ray.jobs.listed import Listed
from deploy.ray.jobs.pictures import picture_name

PAIRS = [
    pytest.param(Listed("甲", "/a", "图.jpg"), Listed("乙", "/b", "图.jpg"), id="no letters"),
    pytest.param(Listed("a b", "/a", "x.jpg"), Listed("a_b", "/b", "x.jpg"), id="no file names"),
    pytest.param(Listed("a" * 101, "/a", "x"), Listed("a" * 102, "/b", "x"), id="too long"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_two_images_have_the_same_picture(one, other):
    assert picture_name(0, "t0", 0, one) != picture_name(0, "t0", 1, other)


def test_a_name_says_which_image_it_is():
    image = Listed(7, "/data/sub/a b.png", "sub/a b.png")
    assert picture_name(12, "t0", 3075, image) == "pictures/part-000012-t0/3075-7-a_b.jpg"
